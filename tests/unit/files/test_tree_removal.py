"""Tests of removing folder trees with hostile content."""

from __future__ import annotations

import os
import resource
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from specify_cli.files.tree_removal import Budget, remove_tree

SOMEBODY = 54_321
DEEP = 3000
MANY = 5000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def as_somebody(act: Callable[[], object]) -> None:
    """Run `act` in a process of an unprivileged user, and require that it succeeds."""
    child = os.fork()
    if child == 0:
        try:
            os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
            os.setresuid(SOMEBODY, SOMEBODY, SOMEBODY)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def fill(top: Path) -> None:
    (top / "inner" / "empty").mkdir(parents=True)
    (top / "inner" / "file").write_text("x")
    (top / "file").write_text("x")
    os.mkfifo(top / "inner" / "fifo")


def test_folders_files_and_fifos_are_removed(tmp_path: Path, folder: int) -> None:
    fill(tmp_path / "it")
    assert remove_tree("it", dir_fd=folder)
    assert not any(tmp_path.iterdir())


def test_removing_a_missing_entry_is_not_an_error(folder: int) -> None:
    assert remove_tree("none", dir_fd=folder)


def test_links_are_removed_and_not_followed(tmp_path: Path, folder: int) -> None:
    fill(tmp_path / "other")
    (tmp_path / "it").mkdir()
    (tmp_path / "it" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "link").symlink_to(tmp_path / "other")
    assert remove_tree("it", dir_fd=folder)
    assert remove_tree("link", dir_fd=folder)
    assert [it.name for it in tmp_path.iterdir()] == ["other"]
    assert (tmp_path / "other" / "inner" / "file").exists()


def test_a_link_that_replaces_a_folder_during_removal_is_not_followed(
    tmp_path: Path, folder: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path / "other")
    fill(tmp_path / "it")
    real = os.unlink

    def unlink(name: str, *, dir_fd: int) -> None:
        try:
            real(name, dir_fd=dir_fd)
        except IsADirectoryError:
            if name == "inner":
                os.rename("inner", "moved", src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
                os.symlink(tmp_path / "other", "inner", dir_fd=dir_fd)
            raise

    monkeypatch.setattr(os, "unlink", unlink)
    assert remove_tree("it", dir_fd=folder)
    assert (tmp_path / "other" / "inner" / "file").exists()


def test_a_tree_of_any_depth_is_removed_with_few_descriptors(tmp_path: Path, folder: int) -> None:
    top = at = os.open(tmp_path, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("it", dir_fd=at)
        inner = os.open("it", os.O_RDONLY, dir_fd=at)
        if at != top:
            os.close(at)
        at = inner
    os.close(at)
    os.close(top)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (64 + len(list(Path("/proc/self/fd").iterdir())), limits[1])
    )
    try:
        assert remove_tree("it", dir_fd=folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert not any(tmp_path.iterdir())


def test_a_removal_that_exceeds_its_budget_is_continued_by_the_next_call(
    tmp_path: Path, folder: int
) -> None:
    for number in range(10):
        fill(tmp_path / "it" / str(number))
    calls = 1
    while not remove_tree("it", dir_fd=folder, budget=Budget(12)):
        calls += 1
    assert calls > 3
    assert not any(tmp_path.iterdir())


def test_a_removal_does_not_read_all_names_of_a_large_folder_into_memory(
    tmp_path: Path, folder: int
) -> None:
    (tmp_path / "it" / "inner").mkdir(parents=True)
    for number in range(MANY):
        (tmp_path / "it" / "inner" / f"{number:0200}").touch()
    tracemalloc.start()
    try:
        assert not remove_tree("it", dir_fd=folder, budget=Budget(10))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MANY * 200 / 10
    assert len(list((tmp_path / "it" / "inner").iterdir())) >= MANY - 10


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o500])
def test_folders_without_permissions_are_removed_by_their_owner(
    tmp_path: Path, folder: int, mode: int
) -> None:
    tmp_path.chmod(0o777)
    fill(tmp_path / "it")
    (tmp_path / "it" / "inner" / "empty" / "file").touch()
    for name in ("it/inner/empty", "it/inner", "it"):
        (tmp_path / name).chmod(mode)
    for path in (tmp_path / "it", *(tmp_path / "it").rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY)
    as_somebody(lambda: remove_tree("it", dir_fd=folder))
    assert not any(tmp_path.iterdir())
