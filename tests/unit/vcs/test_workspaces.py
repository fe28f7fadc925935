"""Tests of creating workspaces."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli.files.identity import identity
from specify_cli.vcs import pin_refs as project_pins
from specify_cli.vcs import renames, trash
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.git import Git, GitFailed, within
from specify_cli.vcs.workspace_files import reported_tip
from specify_cli.vcs.workspaces import Objects, make
from tests.durability import SYNC_ALL, watched
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import (
    LANE,
    SHARED_AND_COPIED,
    identity_and_times,
    order,
    pins,
    remains,
    workspace,
)

pytestmark = pytest.mark.long


@SHARED_AND_COPIED
def test_a_workspace_is_complete_and_on_its_branch(project: Project, objects: Objects) -> None:
    project.commit({"dir/x y": "x\n", "run": "#!/bin/sh\n"})
    (project.root / "run").chmod(0o755)
    (project.root / "link").symlink_to("a.txt")
    project.git("add", "--all")
    project.git("commit", "-q", "-m", "modes")
    made = workspace(project, objects=objects)
    assert (made.path / ".git").is_dir()
    assert made.made.identity == identity(made.path)
    assert made.git("symbolic-ref", "HEAD") == f"refs/heads/{LANE}"
    assert made.git("rev-parse", "HEAD", "main").split() == [made.order.commit] * 2
    assert made.git("status", "--porcelain", "--ignored") == ""
    assert (made.path / "dir" / "x y").read_text() == "x\n"
    assert os.access(made.path / "run", os.X_OK)
    assert (made.path / "link").readlink() == Path("a.txt")
    assert made.git("fsck", "--strict", "--no-dangling") == ""
    assert made.git("diff-files") == ""
    assert remains(project) == ["demo-lane-a"]
    assert made.path.stat().st_mode & 0o077 == 0o055


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_workspace_can_belong_to_another_user(project: Project, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.touch()
    project.write(".git/hooks/pre-commit", "#!/bin/sh\n").chmod(0o755)
    (project.root / "link").symlink_to(outside)
    project.git("add", "--all")
    project.git("commit", "-q", "-m", "link")
    made = workspace(project, owner=54_321)
    assert {it.lstat().st_uid for it in (made.path, *made.path.rglob("*"))} == {54_321}
    assert outside.stat().st_uid == os.geteuid()
    safe = ("-c", f"safe.directory={made.path}")
    # The index has the times of the files, so that the first status need not read them.
    known = made.git(*safe, "ls-files", "--debug")
    for name in made.git(*safe, "ls-files").splitlines():
        seconds, nanoseconds = divmod((made.path / name).lstat().st_ctime_ns, 10**9)
        assert re.search(rf"^{name}\n  ctime: {seconds}:({nanoseconds}|0)$", known, re.MULTILINE)
    index = (made.path / ".git" / "index").read_bytes()
    assert made.git(*safe, "status", "--porcelain") == ""
    assert (made.path / ".git" / "index").read_bytes() == index


@SHARED_AND_COPIED
def test_a_workspace_does_not_change_the_project(project: Project, objects: Objects) -> None:
    before = project.refs()
    made = workspace(project, objects=objects)
    made.commit({"new.txt": "new\n"})
    assert project.status() == []
    assert [it for it in project.refs().splitlines() if "/pin/" not in it] == before.splitlines()
    assert project.git("worktree", "list").count("\n") == 0


def test_a_copied_workspace_has_only_the_history_of_its_commits(project: Project) -> None:
    project.commit({"a.txt": "later\n"})
    project.git("checkout", "-q", "-b", "secret")
    secret = project.commit({"secret.txt": "secret\n"})
    project.git("checkout", "-q", "main")
    project.write("a.txt", "stashed\n")
    project.git("stash", "-q")
    stash = project.git("rev-parse", "stash")
    made = workspace(project)
    assert not (made.path / ".git" / "objects" / "info" / "alternates").exists()
    assert made.git("rev-list", "--count", "HEAD") == "2"
    for commit in (secret, stash):
        assert made.git("cat-file", "-t", commit, check=False) == ""
    assert pins(project) == []


def test_a_copied_workspace_works_without_the_project(project: Project, tmp_path: Path) -> None:
    made = workspace(project)
    made.path.rename(tmp_path / "alone")
    shutil.rmtree(project.root)
    assert project.git("fsck", "--strict", at=tmp_path / "alone") == ""


def test_shared_objects_survive_garbage_collection_in_the_project(project: Project) -> None:
    base = project.commit({"a.txt": "base\n"})
    made = workspace(project, objects=Objects.SHARED)
    project.git("reset", "-q", "--hard", "HEAD~")
    project.git("reflog", "expire", "--expire=now", "--all")
    project.git("gc", "-q", "--prune=now")
    assert made.git("log", "--format=%H", "-1") == base
    assert made.git("fsck", "--strict", "--no-dangling") == ""
    assert pins(project) == [f"refs/spec-kitty/pin/demo-lane-a/{base}"]


def test_a_shared_workspace_can_be_moved_together_with_its_project(
    project: Project, tmp_path: Path
) -> None:
    made = workspace(project, objects=Objects.SHARED)
    moved = Project(root=project.root.rename(tmp_path / "moved"))
    there = moved.root / made.path.relative_to(project.root)
    assert moved.git("log", "--oneline", "main..", at=there) == ""
    assert moved.git("fsck", "--strict", at=there) == ""


def test_a_shared_workspace_in_the_trash_is_readable_with_alternates(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = project.git("rev-parse", "HEAD")
    kept = trash.move_to_trash(workspace(project, objects=Objects.SHARED).path)
    look = ("log", "-1", "--format=%H")
    with pytest.raises(subprocess.CalledProcessError):
        project.git(*look, at=kept)
    with monkeypatch.context() as patch:
        patch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(project.root / ".git" / "objects"))
        assert project.git(*look, at=kept) == base
    assert project.git(*look, at=kept.rename(kept.parent.parent / "back")) == base


def test_a_pin_is_pruned_with_the_last_copy_of_its_workspace(project: Project) -> None:
    made = workspace(project, objects=Objects.SHARED)
    kept = trash.move_to_trash(made.path)
    assert project_pins.prune(project.repo.git, kept.parent.parent) == []
    shutil.rmtree(kept)
    workspace(project, "demo-lane-b", objects=Objects.SHARED)
    assert {it.split("/")[3] for it in pins(project)} == {"demo-lane-b"}
    shutil.rmtree(made.path.with_name("demo-lane-b"))
    assert len(project_pins.prune(project.repo.git, kept.parent.parent)) == 1
    assert pins(project) == []


@SHARED_AND_COPIED
def test_a_workspace_has_all_commits_of_its_branches(project: Project, objects: Objects) -> None:
    base = project.git("rev-parse", "HEAD")
    mission = project.commit({"b.txt": "mission\n"})
    target = project.git("commit-tree", "HEAD^{tree}", "-p", base, "-m", "target")
    branches = {"main": target, "kitty/mission-demo": mission}
    made = workspace(project, commit=base, branches=branches, objects=objects)
    assert made.git("rev-parse", "main", "kitty/mission-demo").split() == [target, mission]
    assert made.git("fsck", "--strict", "--no-dangling") == ""
    assert made.git("status", "--porcelain", "--branch") == f"## {LANE}...main [behind 1]"


@SHARED_AND_COPIED
@pytest.mark.parametrize(
    "plant",
    [
        Path.touch,
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to(path.parent.parent),
        lambda path: path.symlink_to("nowhere"),
        lambda path: (path.mkdir(), (path / "file").touch()),
    ],
)
def test_a_workspace_is_not_created_over_an_existing_entry(
    project: Project, objects: Objects, plant: Callable[[Path], object]
) -> None:
    place = project.root / ".worktrees" / "demo-lane-a"
    place.parent.mkdir()
    plant(place)
    there = identity_and_times(place)
    with pytest.raises(AllocationFailed):
        workspace(project, objects=objects)
    assert identity_and_times(place) == there
    assert pins(project) == []


def test_a_workspace_does_not_replace_a_folder_created_meanwhile(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = order(project, objects=Objects.SHARED)
    real = renames.rename_free

    def rename(old: str, new: str, *, from_fd: int, to_fd: int) -> None:
        wanted.path.mkdir()
        real(old, new, from_fd=from_fd, to_fd=to_fd)

    monkeypatch.setattr("specify_cli.vcs.workspaces.rename_free", rename)
    with pytest.raises(AllocationFailed):
        make(project.repo, wanted)
    assert list(wanted.path.iterdir()) == []
    assert remains(project) == ["demo-lane-a"]
    assert pins(project) == []


@SHARED_AND_COPIED
@pytest.mark.parametrize("name", [".worktrees", ".worktrees/.making"])
def test_a_workspace_is_not_created_through_a_link(
    project: Project, objects: Objects, name: str, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project.root / name).parent.mkdir(exist_ok=True)
    (project.root / name).symlink_to(elsewhere)
    with pytest.raises(AllocationFailed):
        workspace(project, objects=objects)
    assert list(elsewhere.iterdir()) == []
    assert pins(project) == []


@SHARED_AND_COPIED
@pytest.mark.parametrize(
    "unknown", ["0" * 40, "f" * 40, "HEAD", "-x", f"{'1' * 40}\n{'2' * 40} refs/heads/evil"]
)
def test_an_unknown_or_malformed_commit_leaves_nothing(
    project: Project, objects: Objects, unknown: str
) -> None:
    with pytest.raises((AllocationFailed, GitFailed)):
        workspace(project, commit=unknown, objects=objects)
    with pytest.raises((AllocationFailed, GitFailed)):
        workspace(project, branches={"main": unknown}, objects=objects)
    assert remains(project) == []
    assert pins(project) == []


@SHARED_AND_COPIED
def test_a_git_process_that_times_out_leaves_nothing(project: Project, objects: Objects) -> None:
    project.git("config", "filter.slow.smudge", "sleep 1000")
    project.commit({".gitattributes": "slow.txt filter=slow\n", "slow.txt": "x\n"})
    with within(2), pytest.raises(GitFailed):
        workspace(project, objects=objects)
    assert remains(project) == []
    assert pins(project) == []


def test_a_git_process_killed_after_it_wrote_a_pin_leaves_no_pin(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Git.run

    def run(git: Git, *args: str, **more: Any) -> Any:
        done = real(git, *args, **more)
        if args[0] == "update-ref":
            monkeypatch.undo()
            raise GitFailed(args, returncode=-1, stderr="it did not end within 120 s")
        return done

    monkeypatch.setattr(Git, "run", run)
    with pytest.raises(GitFailed):
        workspace(project, objects=Objects.SHARED)
    assert pins(project) == []


@SHARED_AND_COPIED
def test_a_workspace_is_synced_before_it_is_renamed(
    project: Project, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renames, "_renameat2", lambda: None)
    with watched() as disk:
        made = workspace(project, objects=objects)
    named = disk.steps.index("rename demo-lane-a")
    last = max(at for at, step in enumerate(disk.steps[:named]) if step == SYNC_ALL)
    assert "run git" not in " ".join(disk.steps[last:named])
    assert f"sync {made.path.parent.name}" in disk.steps[named:]


@SHARED_AND_COPIED
def test_git_runs_of_the_host_never_read_the_copied_settings(
    project: Project, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("config", "filter.x.smudge", "cat")
    project.git("config", "user.name", "Somebody")
    real, seen = subprocess.Popen, list[str]()

    def start(*args: Any, **more: Any) -> Any:
        configs = project.root.glob(".worktrees/*/*/workspace/.git/config")
        seen.extend(it.read_text() for it in configs)
        return real(*args, **more)

    wanted = order(project, objects=objects)
    monkeypatch.setattr(subprocess, "Popen", start)
    make(project.repo, wanted)
    assert seen
    assert not any("filter" in text or "user" in text for text in seen)
    assert "filter" in (wanted.path / ".git" / "config").read_text()


def test_objects_are_synced_before_a_pin_points_to_them(project: Project) -> None:
    with watched() as disk:
        workspace(project, objects=Objects.SHARED)
    assert SYNC_ALL in disk.steps[: disk.steps.index("run git update-ref")]


def test_a_new_workspace_reports_its_commit_and_is_clean(project: Project) -> None:
    made = workspace(project)
    assert reported_tip(made.path, made.order.branch) == made.order.commit
    assert made.git("status", "--porcelain") == ""
