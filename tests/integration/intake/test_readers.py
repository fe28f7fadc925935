"""As which user and in which sandbox the workspace is read."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.vcs import commit_intake, sandbox, uncommitted_changes
from specify_cli.vcs.commit_intake import IntakeLimits, IntakeRefused
from specify_cli.vcs.git import inheriting
from specify_cli.vcs.sandbox import Sandbox
from specify_cli.vcs.uncommitted_changes import WorkspaceUnreadable
from specify_cli.workflow import submitted_work
from tests.integration.intake.workspaces import BRANCH, Scene, commit, git, refusal
from tests.integration.stage import SLUG, Stage

SOMEBODY = 61_013


def test_intake_without_bubblewrap_works_and_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = scene.work({"new.txt": "new\n"})
    monkeypatch.setattr(commit_intake, "sandbox_for", lambda _: Sandbox(is_isolated=False))
    with commit_intake.fetched_commits(scene.repo, scene.source, bounds=IntakeLimits()) as found:
        assert (found.tip, found.is_sandboxed) == (tip, False)


def test_intake_with_bubblewrap_says_so(scene: Scene) -> None:
    with commit_intake.fetched_commits(scene.repo, scene.source, bounds=IntakeLimits()) as found:
        assert found.is_sandboxed


def test_sandbox_is_not_isolated_if_bubblewrap_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sandbox._works.cache_clear()
    monkeypatch.setenv("PATH", "/nonexistent")
    try:
        assert not sandbox.sandbox_for(Path("/")).is_isolated
    finally:
        sandbox._works.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
@pytest.mark.parametrize("is_isolated", [True, False])
def test_workspace_of_another_user_is_read_as_that_user(
    tmp_path: Path, is_isolated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o5 != 0o5:
            folder.chmod(folder.stat().st_mode | 0o5)
    scene = Scene.make(tmp_path)
    tip = scene.work({"new.txt": "new\n"})
    for path in (scene.workspace, *scene.workspace.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
        path.chmod(0o700 if path.is_dir() else 0o600)
    found = sandbox.sandbox_for(scene.workspace)
    assert found == Sandbox(is_isolated=True, user=(SOMEBODY, sandbox.NO_GROUP))
    monkeypatch.setattr(
        commit_intake, "sandbox_for", lambda _: Sandbox(is_isolated=is_isolated, user=found.user)
    )
    assert scene.take() == tip


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
def test_host_that_is_not_root_can_read_the_workspace_of_another_user(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = scene.work({"new.txt": "new\n"})
    for path in (scene.workspace, *scene.workspace.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    # A host that is not root reads as itself.
    monkeypatch.setattr(commit_intake, "sandbox_for", lambda _: Sandbox(is_isolated=True))
    assert scene.take() == tip


def take(scene: Scene, seconds: int) -> None:
    scene.take(IntakeLimits(seconds=seconds))


def look(scene: Scene, seconds: int) -> None:
    uncommitted_changes.uncommitted_changes(
        scene.repo, scene.workspace, commit=scene.base, seconds=seconds
    )


Read = Callable[[Scene, int], None]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
@pytest.mark.parametrize("read", [take, look])
def test_git_run_as_another_user_inherits_no_lock_and_no_group(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Read
) -> None:
    monkeypatch.setattr(commit_intake, "irregular_files", lambda *_, **__: [])
    scene.work({"new.txt": "new\n"})
    waited_for = scene.workspace / (".git/config" if read is take else ".gitignore")
    waited_for.unlink(missing_ok=True)
    os.mkfifo(waited_for)
    for path in (scene.workspace, *scene.workspace.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    lock = tmp_path / "lock"
    found: list[tuple[int, set[str]]] = []
    # On a busy machine it may be ended before it has begun.
    for seconds in (3, 30, 300):
        reader = threading.Thread(target=reading, args=(scene, read, seconds, lock))
        reader.start()
        while not found and reader.is_alive():
            found = processes_of(SOMEBODY)
        reader.join()
        if found:
            break
    assert {gid for gid, _ in found} == {sandbox.NO_GROUP}
    assert not [it for it in found if str(lock) in it[1]]


def reading(scene: Scene, read: Read, seconds: int, lock: Path) -> None:
    refused = contextlib.suppress(IntakeRefused, WorkspaceUnreadable)
    with lock.open("w") as held, inheriting(held.fileno()), refused:
        read(scene, seconds)


def processes_of(uid: int) -> list[tuple[int, set[str]]]:
    """The process group and the open files of each process of the user. Some processes end meanwhile."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            status = process.stat()
            if status.st_uid == uid:
                open_files = {str(it.readlink()) for it in (process / "fd").iterdir()}
                found.append((status.st_gid, open_files))
    return found


def test_objects_that_the_host_shares_with_a_workspace_are_read(scene: Scene) -> None:
    shutil.rmtree(scene.workspace)
    git(scene.root, "clone", "-q", "--shared", str(scene.project), str(scene.workspace))
    git(scene.workspace, "checkout", "-q", "-b", BRANCH)
    tip = scene.work({"new.txt": "new\n"})
    assert refusal(scene).code == "unreadable"
    source = commit_intake.IntakeSource(
        workspace=scene.workspace,
        branch=BRANCH,
        base=scene.base,
        shared=(scene.project / ".git/objects",),
    )
    with commit_intake.fetched_commits(scene.repo, source, bounds=IntakeLimits()) as found:
        found.move_in(scene.repo)
    assert scene.tip() == tip


def test_shallow_project_takes_commits_in(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    commit(scene.project, {"a.txt": "second\n"})
    scene.project.rename(tmp_path / "origin")
    url = f"file://{tmp_path / 'origin'}"
    git(tmp_path, "clone", "-q", "--depth=1", url, str(scene.project))
    shutil.rmtree(scene.workspace)
    git(tmp_path, "clone", "-q", f"file://{scene.project}", str(scene.workspace))
    git(scene.workspace, "checkout", "-q", "-b", BRANCH)
    tip = scene.work({"new.txt": "new\n"})
    assert scene.take() == scene.tip() == tip


@pytest.mark.parametrize("has_grants", [True, False])
@pytest.mark.parametrize("is_isolated", [True, False])
def test_submission_warns_if_no_sandbox_is_available(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, is_isolated: bool, has_grants: bool
) -> None:
    config = stage.root / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(
        '[orchestrators.nightly]\ncommands = ["all"]\n' if has_grants else "trash_days = 14\n"
    )
    monkeypatch.setattr(submitted_work, "sandbox_for", lambda _: Sandbox(is_isolated=is_isolated))
    stage.write_mission({"WP01": {}})
    place = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    stage.commit({"a.py": "1\n"}, folder=Path(place["workspace_path"]))
    data = stage.done("transition", mission=SLUG, wp="WP01", actor="ada", to="for_review")
    warned = [it for it in data.get("warnings", ()) if "read without a sandbox" in it]
    assert bool(warned) is (has_grants and not is_isolated)
