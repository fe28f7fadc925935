"""Tests of removing the locks of a killed git."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.vcs import index_file, lock_ownership, stale_locks
from specify_cli.vcs.checkouts import Checkout
from specify_cli.vcs.git import Git, GitFailed
from tests.durability import watched
from tests.unit.vcs.conftest import Project

COMMIT = "1" * 40
SLEEPER = '[filter "slow"]\n\tclean = "touch {mark}; sleep 600"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def killed(root: Path, at_work: Callable[[], object]) -> None:
    """Run `at_work` in a process that holds the repository and is then killed."""
    holder = os.fork()
    if holder == 0:
        try:
            with stale_locks.without_stale_locks(root):
                at_work()
                os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)  # The child must never continue with other tests.
    assert os.waitstatus_to_exitcode(os.waitpid(holder, 0)[1]) == -signal.SIGKILL


def made(file: Path, content: str = "") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    return file


@pytest.mark.parametrize("folder", [".", "worktrees/lane"])
def test_the_index_lock_of_a_killed_holder_is_removed(root: Path, folder: str) -> None:
    git_dir = root / ".git" / folder
    git_dir.mkdir(exist_ok=True, parents=True)

    def at_work() -> None:
        lock_ownership.make_lock(git_dir / "index.lock")
        lock_ownership.note_ref("refs/heads/main", COMMIT)

    killed(root, at_work)
    assert (git_dir / "index.lock").exists()
    with stale_locks.without_stale_locks(root):
        assert not (git_dir / "index.lock").exists()


def test_temporary_index_files_of_a_killed_holder_are_removed(root: Path) -> None:
    git_dir = root / ".git"

    def at_work() -> None:
        made(git_dir / index_file.DRAFT)
        made(git_dir / index_file.FORMER)

    killed(root, at_work)
    with stale_locks.without_stale_locks(root):
        assert not list(git_dir.glob("spec-kitty-index*"))


def test_a_lock_is_recognized_on_a_file_system_without_hard_links(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    killed(root, lambda: lock_ownership.make_lock(root / ".git" / "index.lock"))
    with stale_locks.without_stale_locks(root):
        assert not (root / ".git" / "index.lock").exists()


@pytest.mark.parametrize("content", [f"{COMMIT}\n", COMMIT], ids=["whole", "without newline"])
def test_a_ref_lock_is_removed_if_it_contains_what_the_killed_holder_wrote(
    root: Path, content: str
) -> None:
    lock = root / ".git" / "refs" / "heads" / "kitty" / "lane.lock"

    def at_work() -> None:
        lock_ownership.note_ref("refs/heads/kitty/lane", COMMIT)
        made(lock, content)

    killed(root, at_work)
    with stale_locks.without_stale_locks(root):
        assert not lock.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("index.lock", ""),
        ("index.lock", "DIRC"),
        ("HEAD.lock", ""),
        ("config.lock", ""),
        ("packed-refs.lock", ""),
        ("refs/heads/main.lock", ""),
        ("refs/heads/main.lock", "2" * 40 + "\n"),
        ("refs/heads/other.lock", f"{COMMIT}\n"),
        ("worktrees/lane/index.lock", "DIRC"),
        ("objects/ab/tmp_obj_x1", ""),
    ],
)
def test_locks_not_proven_to_be_of_the_host_are_kept(root: Path, name: str, content: str) -> None:
    def at_work() -> None:
        lock_ownership.note_ref("refs/heads/main", COMMIT)
        made(root / ".git" / name, content)

    killed(root, at_work)
    with stale_locks.without_stale_locks(root):
        assert (root / ".git" / name).exists()
    assert (root / ".git" / name).read_text() == content


def test_nothing_is_removed_through_a_link(root: Path, tmp_path: Path) -> None:
    elsewhere = made(tmp_path / "elsewhere" / "lane" / "index.lock").parent.parent
    kitty = made(tmp_path / "refs-elsewhere" / "lane.lock", f"{COMMIT}\n")

    def at_work() -> None:
        (elsewhere / "lane" / "index.lock").unlink()
        lock_ownership.make_lock(elsewhere / "lane" / "index.lock")
        lock_ownership.note_ref("refs/heads/kitty/lane", COMMIT)
        (root / ".git" / "worktrees").symlink_to(elsewhere)
        (root / ".git" / "refs" / "heads" / "kitty").symlink_to(kitty.parent)

    killed(root, at_work)
    with stale_locks.without_stale_locks(root):
        assert (elsewhere / "lane" / "index.lock").exists()
        assert kitty.exists()
    (root / ".git" / "worktrees").unlink()
    (root / ".git" / "worktrees").mkdir()
    (root / ".git" / "worktrees" / "lane").symlink_to(elsewhere / "lane")
    (elsewhere / "lane" / "index.lock").unlink()
    killed(root, lambda: lock_ownership.make_lock(elsewhere / "lane" / "index.lock"))
    with stale_locks.without_stale_locks(root):
        assert (elsewhere / "lane" / "index.lock").exists()


def test_the_error_for_a_foreign_ref_lock_has_a_command_that_removes_it(
    project: Project,
) -> None:
    lock = made(project.root / ".git" / "refs" / "heads" / "main.lock")
    tip = project.git("rev-parse", "HEAD")
    with pytest.raises(GitFailed) as refused:
        Git(folder=project.root).run("update-ref", "refs/heads/main", tip, tip)
    command = refused.value.stderr.rpartition(": ")[2]
    subprocess.run(command, shell=True, check=True, cwd="/")
    assert not lock.exists()
    Git(folder=project.root).run("update-ref", "refs/heads/main", tip, tip)


def test_the_error_for_a_foreign_index_lock_has_a_command_that_removes_it(
    project: Project,
) -> None:
    lock = made(project.root / ".git" / "index.lock")
    checkout = Checkout(path=project.root, branch="main", is_main=True)
    with pytest.raises(GitFailed) as refused:
        checkout.on_index("update-index", "-q", "--refresh", fine=(0, 1))
    command = refused.value.stderr.rpartition(": ")[2]
    subprocess.run(command, shell=True, check=True, cwd="/")
    assert not lock.exists()
    checkout.on_index("update-index", "-q", "--refresh", fine=(0, 1))


def test_a_link_at_the_index_is_not_followed(project: Project) -> None:
    outside = made(project.root.parent / "outside", "mine")
    space = project.lane("lane-a")
    index = project.root / ".git" / "worktrees" / space.path.name / "index"
    index.unlink()
    index.symlink_to(outside)
    checkout = Checkout(path=space.path, branch=space.branch, common=project.root / ".git")
    with pytest.raises(GitFailed):
        checkout.on_index("read-tree", "HEAD")
    assert outside.read_text() == "mine"


def test_the_lock_of_a_running_git_in_another_container_is_kept(project: Project) -> None:
    """The processes of the two containers cannot see each other."""
    started = project.root.parent / "started"
    with (project.root / ".git" / "config").open("a") as config:
        config.write(SLEEPER.format(mark=started))
    project.write(".git/info/attributes", "a.txt filter=slow\n")
    project.write("a.txt", "changed\n")
    words = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("no pid namespaces here")
    killed(project.root, lambda: None)
    git = ["git", "-C", str(project.root), "add", "a.txt"]
    with subprocess.Popen([*words, *git]) as theirs:
        try:
            lock = project.root / ".git" / "index.lock"
            while not started.exists():
                assert theirs.poll() is None
            assert lock.exists()
            with stale_locks.without_stale_locks(project.root):
                assert lock.exists()
        finally:
            theirs.kill()


def test_locks_that_a_killed_git_left_are_removed_at_the_end_of_the_block(root: Path) -> None:
    lock = root / ".git" / "index.lock"
    with stale_locks.without_stale_locks(root):
        lock_ownership.make_lock(lock)
    assert not lock.exists()
    assert not (root / ".git" / lock_ownership.MARKER_NAME).exists()


def test_a_killed_holder_leaves_its_marker(root: Path) -> None:
    killed(root, lambda: None)
    assert (root / ".git" / lock_ownership.MARKER_NAME).exists()


def test_the_marker_of_a_holder_is_durable_before_the_block_starts(root: Path) -> None:
    with watched() as disk, stale_locks.without_stale_locks(root):
        assert disk.is_kept(root / ".git" / lock_ownership.MARKER_NAME)
        assert disk.is_name_kept(root / ".git" / lock_ownership.MARKER_NAME)
        lock_ownership.note_ref("refs/heads/main", COMMIT)
        assert disk.is_kept(root / ".git" / lock_ownership.MARKER_NAME)


def test_note_ref_does_not_follow_a_link(root: Path, tmp_path: Path) -> None:
    outside = made(tmp_path / "outside")
    mark = root / ".git" / lock_ownership.MARKER_NAME
    with stale_locks.without_stale_locks(root):
        mark.unlink()
        mark.symlink_to(outside)
        with pytest.raises(OSError, match="symbolic link"):
            lock_ownership.note_ref("refs/heads/main", COMMIT)
    assert outside.read_text() == ""
