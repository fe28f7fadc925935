"""Uncommitted changes of an agent are found, whatever its repository claims."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

from specify_cli.vcs import scratch_repository, uncommitted_changes
from specify_cli.vcs.sandbox import Sandbox
from specify_cli.vcs.uncommitted_changes import UncommittedChanges, WorkspaceUnreadable
from tests.integration.intake.workspaces import Scene, commit, git

SOMEBODY = 61_014


def look(scene: Scene, seconds: float = 120) -> UncommittedChanges:
    before = scene.contents()
    inside = sorted(str(it) for it in scene.workspace.rglob("*"))
    try:
        return uncommitted_changes.uncommitted_changes(
            scene.repo, scene.workspace, commit=scene.base, seconds=seconds
        )
    finally:
        assert scene.contents() == before
        assert sorted(str(it) for it in scene.workspace.rglob("*")) == inside
        assert not any((scene.project / ".git" / scratch_repository.FOLDER).glob("*"))


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_every_kind_of_difference_is_reported(tmp_path: Path, form: str) -> None:
    scene = Scene.make(tmp_path, form=form)
    assert look(scene).work == ()
    (scene.workspace / "a.txt").write_text("changed\n")
    (scene.workspace / "docs/b.txt").unlink()
    (scene.workspace / ".gitignore").write_text("*.log\nbuild/\n")
    (scene.workspace / "new").mkdir()
    (scene.workspace / "new/x.txt").write_text("x\n")
    (scene.workspace / "x.log").write_text("x\n")
    (scene.workspace / "build").mkdir()
    (scene.workspace / "build/y").write_text("y\n")
    assert look(scene) == UncommittedChanges(
        changed=("a.txt",),
        missing=("docs/b.txt",),
        untracked=(".gitignore", "new/x.txt"),
        ignored=("build/", "x.log"),
        is_sandboxed=True,
    )


def test_committed_work_is_compared_with_the_given_commit(scene: Scene) -> None:
    scene.work({"new.txt": "new\n"})
    assert look(scene).untracked == ("new.txt",)
    tip = scene.take()
    found = uncommitted_changes.uncommitted_changes(scene.repo, scene.workspace, commit=tip)
    assert found.work == ()


def test_index_flags_and_settings_do_not_hide_a_change(scene: Scene) -> None:
    (scene.workspace / "a.txt").write_text("changed\n")
    (scene.workspace / "docs/b.txt").write_text("changed\n")
    (scene.workspace / "new.txt").write_text("new\n")
    git(scene.workspace, "update-index", "--assume-unchanged", "a.txt")
    git(scene.workspace, "update-index", "--skip-worktree", "docs/b.txt")
    (scene.git_dir / "info/exclude").write_text("*\n")
    git(scene.workspace, "config", "status.showUntrackedFiles", "no")
    git(scene.workspace, "config", "core.excludesFile", str(scene.git_dir / "info/exclude"))
    found = look(scene)
    assert (found.changed, found.untracked) == (("a.txt", "docs/b.txt"), ("new.txt",))


def test_workspace_without_a_repository_is_compared(scene: Scene) -> None:
    shutil.rmtree(scene.git_dir)
    os.mkfifo(scene.git_dir)
    (scene.workspace / "a.txt").write_text("changed\n")
    assert look(scene).changed == ("a.txt",)


def test_nested_repository_is_reported_as_one_entry_and_runs_nothing(
    scene: Scene, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    inner = scene.workspace / "inner"
    git(scene.root, "init", "-q", str(inner))
    commit(inner, {"f.txt": "f\n", ".gitattributes": "* filter=evil\n"})
    for key in ("filter.evil.clean", "filter.evil.process", "core.fsmonitor"):
        git(inner, "config", key, f"touch {mark}; cat")
    (inner / "f.txt").write_text("changed\n")
    assert look(scene).untracked == ("inner/",)
    assert not mark.exists()


def test_submodule_runs_nothing(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    mark = tmp_path / "mark"
    inner = scene.workspace / "inner"
    git(scene.root, "init", "-q", str(inner))
    commit(inner, {"f.txt": "f\n", ".gitattributes": "* filter=evil\n"})
    (scene.workspace / ".gitmodules").write_text(
        '[submodule "inner"]\n\tpath = inner\n\turl = ./inner\n\tignore = none\n'
    )
    tip = scene.work({})
    scene.take()
    for key in ("filter.evil.clean", "core.fsmonitor"):
        git(inner, "config", key, f"touch {mark}; cat")
    (inner / "f.txt").write_text("changed\n")
    assert (
        uncommitted_changes.uncommitted_changes(scene.repo, scene.workspace, commit=tip).work == ()
    )
    assert not mark.exists()


def test_attributes_of_the_workspace_run_no_filter_or_textconv(
    scene: Scene, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    git(scene.workspace, "config", "filter.evil.clean", f"touch {mark}; cat")
    git(scene.workspace, "config", "diff.evil.textconv", f"touch {mark}; cat")
    (scene.workspace / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (scene.workspace / "a.txt").write_text("changed\n")
    assert look(scene).changed == ("a.txt",)
    assert not mark.exists()


@pytest.mark.parametrize("place", [".gitignore", "docs/.gitignore", ".gitattributes"])
def test_fifo_is_named_at_the_deadline(scene: Scene, place: str) -> None:
    os.mkfifo(scene.workspace / place)
    # So that git has to open it.
    (scene.workspace / "a.txt").write_text("changed\n")
    (scene.workspace / "docs/new.txt").write_text("new\n")
    with pytest.raises(WorkspaceUnreadable) as caught:
        look(scene, seconds=1)
    assert caught.value.code == "timed_out"
    assert place in caught.value.reason


def test_fifo_in_a_nested_repository_is_named_at_the_deadline(scene: Scene) -> None:
    inner = scene.workspace / "inner"
    git(scene.root, "init", "-q", str(inner))
    (inner / ".git/HEAD").unlink()
    os.mkfifo(inner / ".git/HEAD")
    with pytest.raises(WorkspaceUnreadable) as caught:
        look(scene, seconds=1)
    assert "inner/.git/HEAD" in caught.value.reason


def test_number_of_listed_names_is_limited(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    (scene.workspace / ".gitignore").write_text("*.log\n")
    for number in range(50):
        (scene.workspace / f"{number}.log").write_text("x\n")
    monkeypatch.setattr(uncommitted_changes, "MOST_LISTED", 200)
    assert look(scene).work == (".gitignore",)
    (scene.workspace / ".gitignore").unlink()
    with pytest.raises(WorkspaceUnreadable) as caught:
        look(scene)
    assert caught.value.code == "too_much"


def test_special_file_in_place_of_a_file_is_a_change_and_is_not_opened(scene: Scene) -> None:
    (scene.workspace / "a.txt").unlink()
    os.mkfifo(scene.workspace / "a.txt")
    (scene.workspace / "docs/b.txt").unlink()
    (scene.workspace / "docs/b.txt").symlink_to("/etc/passwd")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.path.relpath(scene.workspace / "s"))
    os.mkfifo(scene.workspace / "f")
    found = look(scene)
    assert found.changed == ("a.txt", "docs/b.txt")


def test_symlink_in_place_of_a_folder_is_not_followed(scene: Scene, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.txt").write_text("b\n")
    shutil.rmtree(scene.workspace / "docs")
    (scene.workspace / "docs").symlink_to(outside)
    found = look(scene)
    assert (found.missing, found.untracked) == (("docs/b.txt",), ("docs",))


def test_workspace_that_is_a_symlink_is_refused(scene: Scene) -> None:
    scene.workspace.rename(scene.root / "moved")
    scene.workspace.symlink_to(scene.root / "moved")
    with pytest.raises(WorkspaceUnreadable):
        look(scene)


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
@pytest.mark.parametrize("can_read", [True, False])
def test_workspace_of_another_user_is_compared_as_that_user(scene: Scene, can_read: bool) -> None:
    (scene.workspace / "a.txt").write_text("changed\n")
    for path in (scene.workspace, *scene.workspace.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    (scene.workspace / "docs").chmod(0o700 if can_read else 0)
    if can_read:
        assert look(scene).changed == ("a.txt",)
    else:
        with pytest.raises(WorkspaceUnreadable) as caught:
            look(scene)
        assert caught.value.code == "unreadable"


@pytest.mark.parametrize("user", [None, (SOMEBODY, SOMEBODY)])
def test_comparison_without_bubblewrap_works_and_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, user: tuple[int, int] | None
) -> None:
    monkeypatch.setattr(
        uncommitted_changes, "sandbox_for", lambda _: Sandbox(is_isolated=False, user=user)
    )
    (scene.workspace / "new.txt").write_text("new\n")
    found = look(scene)
    assert (found.untracked, found.is_sandboxed) == (("new.txt",), False)


def test_project_with_alternates_is_compared(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    scene.project.rename(tmp_path / "origin")
    git(tmp_path, "clone", "-q", "--shared", str(tmp_path / "origin"), str(scene.project))
    (scene.workspace / "a.txt").write_text("changed\n")
    assert look(scene).changed == ("a.txt",)
