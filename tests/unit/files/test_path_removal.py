from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files import tree_removal
from specify_cli.files.tree_removal import remove_path

FOLDER = os.O_RDONLY | os.O_DIRECTORY


def nest(folder: Path, depth: int) -> None:
    """Create nested folders with a file and a link in each, by descriptor: the path would be too long."""
    folder.mkdir()
    descriptor = os.open(folder, FOLDER)
    for _ in range(depth):
        os.close(os.open(b"file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        os.symlink("/", "link", dir_fd=descriptor)
        os.mkdir("d" * 200, dir_fd=descriptor)
        inner = os.open("d" * 200, FOLDER, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)


@contextmanager
def few_descriptors(more: int) -> Iterator[None]:
    """Limit the block to `more` further open descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1 + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_link_to_a_folder_is_removed_and_the_folder_kept(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    (tmp_path / "a").symlink_to("folder")
    remove_path(tmp_path / "a")
    assert not os.path.lexists(tmp_path / "a")
    assert (tmp_path / "folder" / "file").exists()


def test_a_folder_is_removed_with_its_content(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    remove_path(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_empty_inner_folders_are_removed_without_a_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("not ours")

    monkeypatch.setattr(os, "rename", refuse)
    remove_path(tmp_path / "a")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("plant", [Path.touch, lambda path: path.symlink_to(path.parent)])
def test_the_error_says_why_a_file_or_link_cannot_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    plant(tmp_path / "a")

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(StorageFailed, match="Operation not permitted"):
        remove_path(tmp_path / "a")


def test_removing_a_file_twice_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for _ in range(2):
        remove_path(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_tree_of_any_depth_is_removed_with_few_descriptors(tmp_path: Path) -> None:
    nest(tmp_path / "a", 1500)
    with few_descriptors(8):
        remove_path(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_second_call_removes_the_rest_of_a_tree_too_large_for_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nest(tmp_path / "a", 5)
    monkeypatch.setattr(tree_removal, "MOST_ENTRIES", 10)
    with pytest.raises(StorageFailed, match="too large"):
        remove_path(tmp_path / "a")
    remove_path(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_entries_whose_names_are_not_valid_utf8_are_removed(tmp_path: Path) -> None:
    inner = tmp_path / "a" / os.fsdecode(b"\xff\n")
    (inner / os.fsdecode(b"\x80")).mkdir(parents=True)
    (inner / os.fsdecode(b"\xfe")).touch()
    remove_path(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        (folder / "link").symlink_to(tmp_path / "kept")
    remove_path(tmp_path / "a")
    assert (tmp_path / "kept" / "file").exists()
    assert not (tmp_path / "a").exists()


def test_a_link_that_replaces_an_inner_folder_during_removal_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    inner, real = tmp_path / "a" / "inner", os.open
    inner.mkdir(parents=True)

    def swap_before_opening(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if path == "inner":
            inner.rmdir()
            inner.symlink_to(tmp_path / "kept")
        return real(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", swap_before_opening)
    remove_path(tmp_path / "a")
    assert (tmp_path / "kept" / "file").exists()
    assert not (tmp_path / "a").exists()


def test_a_link_among_the_parent_folders_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "thing").touch()
    (tmp_path / "link").symlink_to("elsewhere")
    with pytest.raises(StorageFailed):
        remove_path(tmp_path / "link" / "thing", below=tmp_path)
    assert (tmp_path / "elsewhere" / "thing").exists()


@contextmanager
def writing(folder: Path, times: int) -> Iterator[None]:
    """Create a file in `folder` right before each of the first `times` removals of a folder."""
    descriptor, real, numbers = os.open(folder, FOLDER), os.rmdir, iter(range(times))

    def write_before(name: Any, *, dir_fd: int | None = None) -> None:
        number = next(numbers, None)
        if number is not None:
            os.close(os.open(f"late-{number}", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        real(name, dir_fd=dir_fd)

    with pytest.MonkeyPatch.context() as kernel:
        kernel.setattr(os, "rmdir", write_before)
        yield
    os.close(descriptor)


@pytest.mark.parametrize("name", ["a", "a/b"])
def test_files_created_during_the_removal_are_removed_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with writing(tmp_path / name, 3):
        remove_path(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a", "a/b"])
def test_removal_fails_if_files_are_created_without_end(tmp_path: Path, name: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    with (
        writing(tmp_path / name, 1_000_000),
        pytest.raises(StorageFailed, match="somebody still writes into it"),
    ):
        remove_path(tmp_path / "a")
