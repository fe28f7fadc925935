"""Tests of private folders."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from specify_cli.files.tree_removal import remove_tree
from specify_cli.vcs import private_folders
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.git import Git
from specify_cli.vcs.worktrees_folder import opened


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / ".worktrees" / "demo-lane-a"


@pytest.fixture
def parent(place: Path) -> Iterator[int]:
    with opened(place.parent) as descriptor:
        yield descriptor


def making(place: Path) -> list[str]:
    return sorted(it.name for it in (place.parent / ".making").iterdir())


def killed(act: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            act()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_a_private_folder_is_removed_after_the_block(place: Path, parent: int) -> None:
    with private_folders.private_folder(place, parent=parent) as private:
        (private.path / "file").touch()
        for folder in (private.path, private.path.parent):
            assert folder.stat().st_mode & 0o777 == 0o700
        assert list(private_folders.names_in(place.parent / ".making")) == [place.name]
    assert making(place) == []


def test_a_failing_block_leaves_nothing(place: Path, parent: int) -> None:
    def fail() -> None:
        with private_folders.private_folder(place, parent=parent) as private:
            (private.path / "file").touch()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert making(place) == []


def test_the_parent_folder_is_made_private(place: Path, parent: int) -> None:
    folder = place.parent / ".making"
    folder.mkdir()
    folder.chmod(0o777)
    with private_folders.private_folder(place, parent=parent):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_link_at_the_parent_folder_is_refused(place: Path, parent: int, tmp_path: Path) -> None:
    (place.parent / ".making").symlink_to(tmp_path)
    with pytest.raises(AllocationFailed), private_folders.private_folder(place, parent=parent):
        pass


def test_the_folder_of_a_killed_process_is_removed_by_the_next_call(
    place: Path, parent: int
) -> None:
    def act() -> None:
        with private_folders.private_folder(place, parent=parent) as private:
            (private.path / "file").touch()
            os.kill(os.getpid(), signal.SIGKILL)

    killed(act)
    assert len(making(place)) == 1
    with private_folders.private_folder(place, parent=parent) as private:
        assert making(place) == [private.path.name]


def test_the_folder_of_a_running_process_is_kept(place: Path, parent: int) -> None:
    with private_folders.private_folder(place, parent=parent) as first:
        with private_folders.private_folder(place, parent=parent) as second:
            assert first.path.is_dir()
            assert second.path.is_dir()
        assert making(place) == [first.path.name]


def test_the_folder_is_kept_while_a_git_process_of_a_killed_host_runs(
    place: Path, parent: int
) -> None:
    pipe = place.parent / "pipe"
    os.mkfifo(pipe)

    def act() -> None:
        with private_folders.private_folder(place, parent=parent):
            # Git kills its host, then reports that it runs.
            script = f"!kill -9 {os.getpid()}; echo $$ >'{pipe}'; exec cat '{pipe}.end'"
            Git(folder=place.parent).run("-c", f"alias.wait={script}", "wait")

    os.mkfifo(f"{pipe}.end")
    killed(act)
    assert pipe.read_text()
    (left,) = making(place)
    with private_folders.private_folder(place, parent=parent):
        assert left in making(place)
    Path(f"{pipe}.end").write_text("")
    _wait_for_lock(place.parent / ".making" / left)
    with private_folders.private_folder(place, parent=parent) as private:
        assert making(place) == [private.path.name]


def _wait_for_lock(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.close(descriptor)


def test_a_folder_removed_before_it_was_locked_is_created_again(
    place: Path, parent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def flock(descriptor: int, operation: int) -> None:
        monkeypatch.undo()
        folder = os.open(place.parent / ".making", os.O_RDONLY)
        remove_tree(making(place)[0], dir_fd=folder)
        os.close(folder)
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with private_folders.private_folder(place, parent=parent) as private:
        assert private.path.is_dir()
