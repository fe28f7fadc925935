"""What a killed git leaves is cleared, and what is somebody else's stays."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from specify_cli.vcs import leftovers
from tests.durability import watched
from tests.patience import LONGEST_S

MARK = "spec-kitty-at-work"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    return tmp_path


def killed(root: Path) -> None:
    """A holder was killed while it changed the repository."""
    (root / ".git" / MARK).touch()


@pytest.mark.parametrize(
    "name",
    [
        "index.lock",
        "HEAD.lock",
        "refs/heads/kitty/mission.lock",
        "worktrees/lane/index.lock",
        "objects/ab/tmp_obj_x1",
    ],
)
def test_what_the_git_of_a_killed_holder_left_is_taken_away(root: Path, name: str) -> None:
    killed(root)
    left = root / ".git" / name
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    with leftovers.cleared(root):
        assert not left.exists()


def test_a_registration_that_git_did_not_finish_is_taken_away(root: Path) -> None:
    killed(root)
    registration = root / ".git" / "worktrees" / "lane"
    registration.mkdir(parents=True)
    (registration / "locked").write_text("initializing\n")
    with leftovers.cleared(root):
        assert not registration.exists()


def test_a_lock_stays_where_no_holder_was_killed(root: Path) -> None:
    lock = root / ".git" / "index.lock"
    lock.touch()
    with leftovers.cleared(root):
        assert lock.exists()


def test_a_lock_that_was_there_before_the_killed_holder_stays(root: Path) -> None:
    lock = root / ".git" / "index.lock"
    lock.touch()
    mark = root / ".git" / MARK
    while not mark.exists() or mark.stat().st_ctime_ns <= lock.stat().st_ctime_ns:
        mark.unlink(missing_ok=True)
        mark.touch()
    with leftovers.cleared(root):
        assert lock.exists()


def test_a_lock_stays_as_long_as_somebody_elses_git_is_at_work(root: Path) -> None:
    killed(root)
    (root / ".git" / "index.lock").touch()
    with subprocess.Popen(
        ["git", "hash-object", "--stdin"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as git:
        command = Path("/proc", str(git.pid), "cmdline")
        deadline = time.monotonic() + LONGEST_S
        while b"hash-object" not in command.read_bytes():  # It is still being started.
            assert time.monotonic() < deadline
        with leftovers.cleared(root):
            assert (root / ".git" / "index.lock").exists()
        git.kill()
    with leftovers.cleared(root):
        assert not (root / ".git" / "index.lock").exists()


def test_a_git_that_was_killed_alone_leaves_nothing_for_the_next(root: Path) -> None:
    lock = root / ".git" / "index.lock"
    with leftovers.cleared(root):
        lock.touch()
    assert not lock.exists()
    assert not (root / ".git" / MARK).exists()


def test_a_holder_that_is_killed_leaves_its_mark(root: Path) -> None:
    holder = os.fork()
    if holder == 0:
        try:
            with leftovers.cleared(root):
                os._exit(0)
        finally:
            os._exit(1)  # Whatever fails here, the child goes on with no test.
    os.waitpid(holder, 0)
    assert (root / ".git" / MARK).exists()


def test_the_mark_of_a_holder_is_kept_before_it_changes_anything(root: Path) -> None:
    with watched() as disk, leftovers.cleared(root):
        assert disk.is_kept(root / ".git" / MARK)
        assert disk.is_name_kept(root / ".git" / MARK)
