"""Tests of opening folders without following links, and of keeping their descriptors open."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files import folders


def descriptor_of(folder: Path, below: Path) -> int:
    with folders.opened(folder, below=below) as descriptor:
        return descriptor


def test_kept_open_opens_a_folder_once_until_the_block_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with folders.kept_open():
        first = descriptor_of(tmp_path / "a", tmp_path)
        (tmp_path / "a").rename(tmp_path / "b")
        assert descriptor_of(tmp_path / "a", tmp_path) == first
        assert os.path.samestat(os.fstat(first), (tmp_path / "b").stat())
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(first)
    with pytest.raises(StorageFailed):
        descriptor_of(tmp_path / "a", tmp_path)


def test_kept_open_does_not_reuse_a_folder_that_was_reached_through_a_link(
    tmp_path: Path,
) -> None:
    (tmp_path / "real" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    with folders.kept_open():
        descriptor_of(tmp_path / "link" / "a", tmp_path / "link")
        with pytest.raises(StorageFailed):
            descriptor_of(tmp_path / "link" / "a", tmp_path)


def test_threads_do_not_share_kept_descriptors(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    found: list[int] = []
    with folders.kept_open():
        first = descriptor_of(tmp_path / "a", tmp_path)
        other = threading.Thread(
            target=lambda: found.append(descriptor_of(tmp_path / "a", tmp_path))
        )
        other.start()
        other.join()
        os.fstat(first)
    assert found != [first]


def test_kept_descriptors_are_closed_after_an_error(tmp_path: Path) -> None:
    opened: list[int] = []

    def fail() -> None:
        with folders.kept_open():
            opened.append(descriptor_of(tmp_path, tmp_path))
            descriptor_of(tmp_path / "missing", tmp_path)

    with pytest.raises(StorageFailed):
        fail()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(opened[0])
