"""Tests of examining a workspace's repository without following links."""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.vcs.intake_request import MOST_NAMED
from specify_cli.vcs.workspace_files import (
    MOST_TOLD,
    branch_snapshot,
    has_checked_out,
    irregular_files,
    reported_tip,
)
from tests.patience import LONGEST_S


def link_to_folder(path: Path) -> None:
    path.symlink_to(path.parent.resolve())


def link_to_file(path: Path) -> None:
    path.symlink_to(__file__)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


KINDS: list[Callable[[Path], object]] = [link_to_folder, link_to_file, os.mkfifo, make_socket]
MANY = 5000
PLACES = [
    "HEAD",
    "config",
    "packed-refs",
    "shallow",
    "objects/ab",
    "objects/pack/x",
    "refs/heads/x",
]


@pytest.fixture
def git_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # The path of a socket is short.
    for name in (".git/objects/pack", ".git/refs/heads", ".git/hooks"):
        Path(name).mkdir(parents=True)
    Path(".git/HEAD").touch()
    Path(".git/objects/pack/whole").touch()
    return Path(".git")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("make", KINDS)
def test_anything_but_files_and_folders_is_reported(
    git_dir: Path, place: str, make: Callable[[Path], object]
) -> None:
    assert irregular_files(Path(), is_shared=False, seconds=60) == []
    (git_dir / place).unlink(missing_ok=True)
    make(git_dir / place)
    assert irregular_files(Path(), is_shared=False, seconds=60) == [git_dir / place]


@pytest.mark.parametrize("make", KINDS)
def test_a_git_folder_that_is_not_a_folder_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path(".git"))
    assert irregular_files(Path(), is_shared=False, seconds=60) == [Path(".git")]


@pytest.mark.parametrize("name", ["commondir", "objects/info/alternates"])
def test_a_repository_that_borrows_from_another_is_reported(git_dir: Path, name: str) -> None:
    (git_dir / name).parent.mkdir(exist_ok=True)
    (git_dir / name).write_text("/elsewhere\n")
    assert irregular_files(Path(), is_shared=False, seconds=60) == [git_dir / name]


def test_a_shared_workspace_may_borrow_objects(git_dir: Path) -> None:
    (git_dir / "objects/info").mkdir()
    (git_dir / "objects/info/alternates").write_text("/elsewhere\n")
    assert irregular_files(Path(), is_shared=True, seconds=60) == []


def test_deeply_nested_folders_are_searched(git_dir: Path) -> None:
    here, depth = Path.cwd(), 3000
    os.chdir(git_dir / "objects")
    for _ in range(depth):
        Path("d").mkdir()
        os.chdir("d")
    try:
        # It is the first folder whose path is too long.
        assert len(irregular_files(here, is_shared=False, seconds=60)) == 1
    finally:
        # pytest could not remove folders of this depth.
        for _ in range(depth):
            os.chdir("..")
            Path("d").rmdir()
        os.chdir(here)


def test_the_search_raises_timeout_error_at_its_deadline(git_dir: Path) -> None:
    with pytest.raises(TimeoutError):
        irregular_files(Path(), is_shared=False, seconds=0)


def test_the_search_times_out_within_one_large_folder(
    git_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call of the clock takes a second; the time ends while the large folder is searched."""
    (git_dir / "reftable").mkdir()
    for number in range(MANY):
        (git_dir / "reftable" / str(number)).touch()
    monkeypatch.setattr(time, "monotonic", map(float, itertools.count()).__next__)
    with pytest.raises(TimeoutError):
        irregular_files(Path(), is_shared=False, seconds=8)


def test_the_search_does_not_keep_all_names_in_memory(git_dir: Path) -> None:
    (git_dir / "reftable").mkdir()
    for number in range(MANY):
        (git_dir / "reftable" / f"{number:0200}").touch()
    tracemalloc.start()
    try:
        assert irregular_files(Path(), is_shared=False, seconds=60) == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MANY * 200 / 10


def test_the_first_files_are_reported_in_order_up_to_a_limit(git_dir: Path) -> None:
    (git_dir / "refs" / "n").mkdir()
    for number in range(MANY):
        (git_dir / "refs" / "n" / f"{number:04}").symlink_to("none")
    found = irregular_files(Path(), is_shared=False, seconds=60)
    assert found == [git_dir / "refs" / "n" / f"{it:04}" for it in range(MOST_TOLD)]
    assert len(found) > MOST_NAMED


def test_a_link_to_itself_is_reported(git_dir: Path) -> None:
    (git_dir / "objects/loop").symlink_to("loop")
    assert irregular_files(Path(), is_shared=False, seconds=60) == [git_dir / "objects/loop"]


def test_files_that_git_does_not_read_are_ignored(git_dir: Path) -> None:
    link_to_file(git_dir / "hooks/pre-commit")
    os.mkfifo(git_dir / "description")
    assert irregular_files(Path(), is_shared=False, seconds=60) == []


def test_reported_tip_reads_loose_and_packed_refs(git_dir: Path) -> None:
    loose, packed = "1" * 40, "2" * 40
    (git_dir / "packed-refs").write_text(
        f"# pack-refs with: peeled fully-peeled sorted \n{'3' * 40} refs/heads/kitty/x-a\n"
        f"{packed} refs/heads/kitty/x\n^{'4' * 40}\n"
    )
    assert reported_tip(Path(), "kitty/x") == packed
    assert reported_tip(Path(), "kitty/.") is None
    before = branch_snapshot(Path(), "kitty/x")
    (git_dir / "packed-refs").write_text("changed\n")
    assert branch_snapshot(Path(), "kitty/x") != before
    (git_dir / "refs/heads/kitty").mkdir(parents=True, exist_ok=True)
    (git_dir / "refs/heads/kitty/x").write_text(f"{loose}\n")
    assert reported_tip(Path(), "kitty/x") == branch_snapshot(Path(), "kitty/x").tip == loose


def test_a_fifo_at_packed_refs_does_not_block(git_dir: Path) -> None:
    (git_dir / "packed-refs").unlink(missing_ok=True)
    os.mkfifo(git_dir / "packed-refs")
    assert reported_tip(Path(), "kitty/x") is None
    assert branch_snapshot(Path(), "kitty/x").tip is None


# The branch of a workspace.

BRANCH = "kitty/mission-demo-lane-a"
COMMIT = "1" * 40


@pytest.fixture
def workspace(git_dir: Path) -> Path:
    """A workspace that has the branch checked out."""
    tip = git_dir / "refs/heads" / BRANCH
    tip.parent.mkdir(parents=True)
    tip.write_text(f"{COMMIT}\n")
    (git_dir / "HEAD").write_text(f"ref: refs/heads/{BRANCH}\n")
    return git_dir.parent


def test_the_branch_of_a_workspace_and_its_commit_are_read(workspace: Path) -> None:
    assert reported_tip(workspace, BRANCH) == COMMIT
    assert has_checked_out(workspace, BRANCH)
    assert not has_checked_out(workspace, "other")
    assert reported_tip(workspace, "other") is None


@pytest.mark.parametrize("said", ["", COMMIT, f"ref: refs/heads/{BRANCH}\n", f"{COMMIT[1:]}\n"])
def test_reported_tip_ignores_anything_but_a_commit(workspace: Path, said: str) -> None:
    (workspace / ".git/refs/heads" / BRANCH).write_text(said)
    assert reported_tip(workspace, BRANCH) is None


@pytest.mark.parametrize("place", [".git", ".git/refs", ".git/refs/heads/kitty", "file", ""])
def test_reported_tip_does_not_follow_links(workspace: Path, tmp_path: Path, place: str) -> None:
    asked = workspace
    if place:
        at = workspace / (place if place != "file" else f".git/refs/heads/{BRANCH}")
        at.symlink_to(shutil.move(at, tmp_path / "elsewhere"))
    else:
        asked = tmp_path / "link"
        asked.symlink_to(workspace.resolve())
    assert reported_tip(asked, BRANCH) is None


def test_a_head_that_is_a_link_is_not_followed(workspace: Path, tmp_path: Path) -> None:
    head = workspace / ".git/HEAD"
    head.symlink_to(shutil.move(head, tmp_path / "elsewhere"))
    assert not has_checked_out(workspace, BRANCH)


def test_a_head_that_is_a_fifo_is_not_read(workspace: Path) -> None:
    head = workspace / ".git/HEAD"
    said = head.read_bytes()
    head.unlink()
    os.mkfifo(head)
    # Both ends are open, so that any reader would get the bytes.
    pipe = os.open(head, os.O_RDWR)
    try:
        os.write(pipe, said)
        assert not has_checked_out(workspace, BRANCH)
    finally:
        os.close(pipe)


def test_a_branch_that_is_a_fifo_does_not_block(workspace: Path) -> None:
    tip = workspace / ".git/refs/heads" / BRANCH
    tip.unlink()
    os.mkfifo(tip)
    asked = threading.Thread(target=reported_tip, args=(workspace, BRANCH), daemon=True)
    asked.start()
    asked.join(LONGEST_S)
    assert not asked.is_alive()
