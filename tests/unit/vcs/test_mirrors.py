"""Tests of the mirror that workspaces fetch from."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli.files.identity import identity
from specify_cli.vcs import mirrors
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.git import Git, GitFailed, GitResult
from specify_cli.vcs.workspaces import Objects
from tests.durability import SYNC_ALL, watched
from tests.unit.vcs.conftest import MISSION, Project
from tests.unit.vcs.test_workspace_kills import kills
from tests.unit.vcs.test_workspace_kinds import cloned
from tests.unit.vcs.workspace_stage import MIRROR, remains, workspace

pytestmark = pytest.mark.long

BRANCHES = ("main", MISSION)


def update(project: Project, *branches: str, objects: Objects = Objects.COPIED) -> Path:
    mirror = project.root / MIRROR
    mirrors.update(project.repo, mirror, branches or BRANCHES, objects=objects)
    return mirror


def refs(project: Project) -> dict[str, str]:
    listed = project.git(
        "for-each-ref", "--format=%(refname:short) %(objectname)", at=mirror(project)
    )
    return dict(line.split(" ") for line in listed.splitlines())


def mirror(project: Project) -> Path:
    return project.root / MIRROR


@pytest.fixture
def mirrored(project: Project) -> Project:
    project.git("branch", MISSION)
    update(project)
    return project


def test_a_mirror_has_the_given_branches_and_its_own_objects(
    project: Project, tmp_path: Path
) -> None:
    project.git("branch", MISSION)
    project.git("branch", "other")
    head = project.commit({"a.txt": "later\n"})
    update(project)
    assert refs(project) == {"main": head, MISSION: project.git("rev-parse", MISSION)}
    alone = mirror(project).rename(tmp_path / "alone")
    shutil.rmtree(project.root)
    assert project.git("fsck", "--strict", at=alone) == ""
    assert alone.stat().st_mode & 0o077 == 0o055


def test_an_update_follows_the_branches_of_the_project(mirrored: Project) -> None:
    before = identity(mirror(mirrored))
    head = mirrored.commit({"a.txt": "later\n"})
    update(mirrored)
    assert refs(mirrored)["main"] == head
    mirrored.git("reset", "-q", "--hard", "HEAD~")
    mirrored.git("branch", "-D", MISSION)
    update(mirrored)
    assert refs(mirrored) == {"main": mirrored.git("rev-parse", "HEAD")}
    assert identity(mirror(mirrored)) == before


def test_a_branch_that_does_not_exist_yet_is_ignored(project: Project) -> None:
    update(project, "main", "kitty/mission-later")
    assert list(refs(project)) == ["main"]


def test_a_deleted_branch_is_deleted_from_the_mirror(mirrored: Project) -> None:
    main = mirrored.git("rev-parse", "main")
    mirrored.git("checkout", "-q", "-b", "other")
    mirrored.commit({"a.txt": "other\n"})
    mirrored.git("branch", "-D", MISSION)
    update(mirrored)
    assert refs(mirrored) == {"main": main}
    assert not (mirror(mirrored) / "FETCH_HEAD").exists()
    assert mirrored.git("count-objects", at=mirror(mirrored)).startswith("0 ")
    mirrored.git("branch", "-D", "main")
    update(mirrored)
    assert refs(mirrored) == {}


def test_an_update_without_changes_writes_nothing(mirrored: Project) -> None:
    def written() -> dict[Path, int]:
        return {it: it.stat().st_mtime_ns for it in mirror(mirrored).rglob("*")}

    before = written()
    update(mirrored)
    assert written() == before


def test_a_workspace_can_fetch_and_rebase_on_the_target(mirrored: Project) -> None:
    made = workspace(mirrored, objects=Objects.COPIED)
    made.commit({"work.txt": "work\n"})
    head = mirrored.commit({"a.txt": "later\n"})
    update(mirrored)
    made.git("fetch", "-q")
    assert made.git("rev-parse", "main", "@{upstream}").split() == [head, head]
    made.git("rebase", "-q", "main")
    assert made.git("log", "--format=%s", "main..") == "work"
    assert made.git("status", "--branch", "--porcelain").endswith("[ahead 1]")


@pytest.mark.parametrize("objects", list(Objects))
def test_pushes_to_the_mirror_are_refused(mirrored: Project, objects: Objects) -> None:
    made = workspace(mirrored, objects=objects)
    made.commit({"work.txt": "work\n"})
    before = refs(mirrored)
    made.git("push", "project", "HEAD:refs/heads/main", check=False)
    made.git("push", "--force", "project", "HEAD:refs/heads/new", check=False)
    assert refs(mirrored) == before


def test_a_rewritten_branch_is_followed(mirrored: Project) -> None:
    made = workspace(mirrored)
    mirrored.git("commit", "-q", "--amend", "-m", "another")
    update(mirrored)
    made.git("fetch", "-q")
    assert made.git("rev-parse", "main") == mirrored.git("rev-parse", "main")


def lock(path: Path) -> None:
    (path / "refs" / "heads").mkdir(parents=True, exist_ok=True)
    (path / "refs" / "heads" / "main.lock").touch()
    (path / "packed-refs.lock").touch()


def hostile(path: Path) -> None:
    with (path / "config").open("a") as config:
        config.write(f"[core]\n\tfsmonitor = touch {path.parent}/it-ran\n")


def emptied(path: Path) -> None:
    shutil.rmtree(path)
    path.mkdir()


def lost(path: Path) -> None:
    shutil.rmtree(path)


def linked(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def piped(path: Path) -> None:
    (path / "config").unlink()
    os.mkfifo(path / "config")


@pytest.mark.parametrize("spoil", [lock, hostile, emptied, lost, linked, piped])
def test_a_damaged_or_changed_mirror_is_created_again(
    mirrored: Project, spoil: Callable[[Path], object]
) -> None:
    path = mirror(mirrored)
    spoil(path)
    elsewhere = path.with_name("elsewhere")
    before = sorted(elsewhere.rglob("*"))
    head = mirrored.commit({"a.txt": "later\n"})
    update(mirrored)
    assert refs(mirrored)["main"] == head
    assert mirrored.git("fsck", "--strict", at=path) == ""
    assert sorted(elsewhere.rglob("*")) == before
    assert not (path.parent / "it-ran").exists()


@pytest.mark.parametrize("name", ["HEAD.lock", "refs/heads/main.lock"])
def test_a_stale_lock_is_removed_even_if_no_branch_moves(mirrored: Project, name: str) -> None:
    left = mirror(mirrored) / name
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    update(mirrored)
    assert not (mirror(mirrored) / name).exists()


def test_a_link_at_the_mirror_folder_is_not_followed(project: Project, tmp_path: Path) -> None:
    (project.root / ".worktrees").mkdir()
    (project.root / ".worktrees" / ".mirror").symlink_to(tmp_path)
    before = set(tmp_path.iterdir())
    with pytest.raises(AllocationFailed):
        update(project)
    assert set(tmp_path.iterdir()) == before


def test_a_branch_that_is_a_symbolic_ref_is_refused(mirrored: Project) -> None:
    mirrored.git("symbolic-ref", f"refs/heads/{MISSION}", "refs/heads/main")
    before = refs(mirrored)
    with pytest.raises(GitFailed):
        update(mirrored)
    assert refs(mirrored) == before


def test_a_lock_that_git_left_during_an_update_is_removed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Git.run

    def run_and_leave(self: Git, *words: str, **more: Any) -> GitResult:
        done = run(self, *words, **more)
        if words == ("update-ref", "--stdin"):
            lock(Path(self.location["GIT_DIR"]))
        return done

    monkeypatch.setattr(Git, "run", run_and_leave)
    assert not list(update(project).rglob("*.lock"))


def test_a_new_mirror_is_synced_before_it_is_renamed(project: Project) -> None:
    with watched() as disk:
        path = update(project)
    named = disk.steps.index(f"rename {path.name}")
    assert SYNC_ALL in disk.steps[:named]
    assert f"sync {path.parent.name}" in disk.steps[named:]


def test_a_creation_killed_at_any_step_does_not_block_the_next(project: Project) -> None:
    for step in kills(lambda: update(project)):
        update(project)
        made = workspace(project)
        assert remains(project) == ["demo-lane-a"]
        made.path.rename(project.root.parent / f"other-{step}")
        assert refs(project) == {"main": project.git("rev-parse", "HEAD")}
        mirror(project).rename(project.root.parent / f"done-{step}")


def test_an_update_killed_at_any_step_does_not_block_the_next(
    mirrored: Project,
) -> None:
    before = identity(mirror(mirrored))
    head = mirrored.commit({"a.txt": "later\n"})
    for _ in kills(lambda: update(mirrored), least=3):
        assert refs(mirrored).keys() == {"main", MISSION}
    assert refs(mirrored)["main"] == head
    assert identity(mirror(mirrored)) == before


@pytest.mark.parametrize("kind", ["--filter=blob:none", "--depth=1"])
def test_a_partial_or_shallow_clone_is_mirrored(
    mirrored: Project, tmp_path: Path, kind: str
) -> None:
    mirrored.commit({"a.txt": "later\n"})
    mirrored.git("config", "uploadpack.allowFilter", "true")
    mirrored.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone = cloned(mirrored, tmp_path / "clone", kind)
    update(clone)
    made = workspace(clone, objects=Objects.SHARED)
    head = clone.commit({"b.txt": "mine\n"})
    update(clone)
    made.git("fetch", "-q")
    assert made.git("rev-parse", "main") == head
    made.git("rebase", "-q", "main")
    assert (made.path / "b.txt").read_text() == "mine\n"


def test_updates_leave_workspaces_unchanged(mirrored: Project) -> None:
    workspace(mirrored)
    update(mirrored)
    assert remains(mirrored) == ["demo-lane-a"]


def borrows(project: Project) -> bool:
    return (mirror(project) / "objects" / "info" / "alternates").exists()


def test_a_shared_mirror_borrows_the_objects_of_the_project(mirrored: Project) -> None:
    shutil.rmtree(mirror(mirrored))
    update(mirrored, objects=Objects.SHARED)
    assert borrows(mirrored)
    assert mirrored.git("count-objects", at=mirror(mirrored)).startswith("0 ")
    made = workspace(mirrored, objects=Objects.SHARED)
    before = identity(mirror(mirrored))
    head = mirrored.commit({"a.txt": "later\n"})
    update(mirrored, objects=Objects.SHARED)
    assert identity(mirror(mirrored)) == before
    assert mirrored.git("count-objects", at=mirror(mirrored)).startswith("0 ")
    made.git("fetch", "-q")
    made.git("rebase", "-q", "main")
    assert made.git("rev-parse", "HEAD") == head
    assert mirrored.git("fsck", "--strict", "--no-dangling", at=mirror(mirrored)) == ""


def test_a_shared_mirror_gets_its_own_objects_for_copied_workspaces(
    mirrored: Project, tmp_path: Path
) -> None:
    shutil.rmtree(mirror(mirrored))
    update(mirrored, objects=Objects.SHARED)
    update(mirrored, objects=Objects.COPIED)
    assert not borrows(mirrored)
    alone = mirror(mirrored).rename(tmp_path / "alone")
    assert mirrored.git("fsck", "--strict", "--no-dangling", at=alone) == ""


def test_a_copied_mirror_keeps_its_objects_for_shared_workspaces(
    mirrored: Project,
) -> None:
    before = identity(mirror(mirrored))
    head = mirrored.commit({"a.txt": "later\n"})
    update(mirrored, objects=Objects.SHARED)
    assert identity(mirror(mirrored)) == before
    assert refs(mirrored)["main"] == head
    assert not borrows(mirrored)


@pytest.mark.parametrize("line", ["/nonexistent/objects", "../../../../../elsewhere/objects", ""])
def test_a_shared_mirror_with_a_foreign_object_store_is_created_again(
    mirrored: Project, line: str
) -> None:
    shutil.rmtree(mirror(mirrored))
    update(mirrored, objects=Objects.SHARED)
    (mirror(mirrored) / "objects" / "info" / "alternates").write_text(f"{line}\n")
    update(mirrored, objects=Objects.SHARED)
    assert mirrored.git("fsck", "--strict", "--no-dangling", at=mirror(mirrored)) == ""


def test_a_shared_mirror_keeps_working_after_the_project_was_moved(
    mirrored: Project, tmp_path: Path
) -> None:
    shutil.rmtree(mirror(mirrored))
    update(mirrored, objects=Objects.SHARED)
    before = identity(mirror(mirrored))
    moved = Project(root=mirrored.root.rename(tmp_path / "moved"))
    update(moved, objects=Objects.SHARED)
    assert identity(mirror(moved)) == before
    assert moved.git("fsck", "--strict", "--no-dangling", at=mirror(moved)) == ""


def test_a_shared_mirror_of_a_shallow_project_is_shallow(mirrored: Project, tmp_path: Path) -> None:
    for number in range(3):
        mirrored.commit({"a.txt": f"{number}\n"})
    clone = cloned(mirrored, tmp_path / "clone", "--depth=1")
    update(clone, objects=Objects.SHARED)
    for number in range(3):
        mirrored.commit({"a.txt": f"later {number}\n"})
    clone.git("fetch", "-q", "--depth=1")
    clone.git("reset", "-q", "--hard", "origin/main")
    update(clone, objects=Objects.SHARED)
    made = workspace(clone, objects=Objects.SHARED)
    made.git("fetch", "-q")
    assert made.git("rev-list", "--count", "main") == "1"
    assert clone.git("fsck", "--strict", "--no-dangling", at=mirror(clone)) == ""


def test_packs_do_not_accumulate(mirrored: Project) -> None:
    for number in range(25):
        mirrored.commit({"a.txt": f"{number}\n"})
        update(mirrored)
    packs = list((mirror(mirrored) / "objects" / "pack").glob("*.pack"))
    assert len(packs) < 22
    assert mirrored.git("fsck", "--strict", "--no-dangling", at=mirror(mirrored)) == ""
