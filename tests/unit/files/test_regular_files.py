from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specify_cli.files.regular_files import (
    ForeignOwner,
    NotRegular,
    TooLarge,
    opened_below,
    opened_plain,
    read_file,
    read_in,
    read_regular,
)


def test_read_regular_returns_the_content_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    assert read_regular(tmp_path / "a", max_bytes=3) == b"123"


def test_read_regular_finds_a_relative_path_in_the_open_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    folder = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        assert read_regular(Path("a"), max_bytes=3, dir_fd=folder) == b"123"
    finally:
        os.close(folder)


def test_read_regular_refuses_a_file_one_byte_over_the_bound(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    with pytest.raises(TooLarge):
        read_regular(tmp_path / "a", max_bytes=3)


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc has such a file")
def test_read_regular_applies_the_bound_to_a_file_that_reports_size_zero() -> None:
    # The kernel reports its size as 0, like that of a file that grows while it is read.
    with pytest.raises(TooLarge):
        read_regular(Path("/proc/self/environ"), max_bytes=10)


def test_read_regular_raises_file_not_found_for_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "a", max_bytes=3)


def _link(path: Path) -> None:
    (path.parent / "target").write_bytes(b"secret")
    path.symlink_to("target")


def _hard_link(path: Path) -> None:
    (path.parent / "target").write_bytes(b"secret")
    path.hardlink_to(path.parent / "target")


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


@contextmanager
def _replaced_by_a_link_after_stat(path: Path) -> Iterator[None]:
    """The first `os.stat` in the block finds a regular file, which then becomes a link."""
    (path.parent / "secret").write_bytes(b"secret")
    path.write_bytes(b"harmless")
    stat = os.stat

    def stat_then_replace(name: Path | str, **options: Any) -> os.stat_result:
        status = stat(name, **options)
        path.unlink()
        path.symlink_to("secret")
        return status

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "stat", stat_then_replace)
        yield


@pytest.mark.parametrize("plant", [_link, _dangling_link, _hard_link, os.mkfifo, Path.mkdir])
def test_read_regular_refuses_anything_but_a_regular_file(
    tmp_path: Path, plant: Callable[[Path], None]
) -> None:
    plant(tmp_path / "a")
    with pytest.raises(NotRegular):
        read_regular(tmp_path / "a", max_bytes=100)


def test_read_regular_refuses_a_device() -> None:
    with pytest.raises(NotRegular):
        read_regular(Path("/dev/zero"), max_bytes=100)


def test_read_regular_refuses_a_file_replaced_by_a_link_after_the_check(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a"
    with _replaced_by_a_link_after_stat(path), pytest.raises(NotRegular):
        read_regular(path, max_bytes=100)


def test_read_regular_refuses_a_file_of_another_user(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"theirs")
    us = (tmp_path / "a").stat().st_uid
    assert read_regular(tmp_path / "a", max_bytes=100, owner_uid=us) == b"theirs"
    with pytest.raises(ForeignOwner):
        read_regular(tmp_path / "a", max_bytes=100, owner_uid=us + 1)


# Files in an open folder, for reading or writing.


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path.name)


@pytest.mark.parametrize("plant", [_link, _dangling_link, _link_to_itself, os.mkfifo, Path.mkdir])
@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR | os.O_APPEND | os.O_CREAT])
def test_opened_plain_refuses_anything_but_a_regular_file(
    tmp_path: Path, folder: int, plant: Callable[[Path], None], flags: int
) -> None:
    plant(tmp_path / "a")
    with pytest.raises(NotRegular), opened_plain("a", folder=folder, flags=flags):
        pass
    assert not (tmp_path / "nowhere").exists()


def test_opened_plain_refuses_a_file_replaced_by_a_link_after_the_check(
    tmp_path: Path, folder: int
) -> None:
    with (
        _replaced_by_a_link_after_stat(tmp_path / "a"),
        pytest.raises(NotRegular),
        opened_plain("a", folder=folder, flags=os.O_RDONLY),
    ):
        pass


def test_read_in_returns_a_regular_file_within_the_bound(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "link").symlink_to("a")
    os.link(tmp_path / "a", tmp_path / "again")
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        assert read_in(folder, "a", max_bytes=3) == b"abc"
        assert read_in(folder, "again", max_bytes=9) == b"abc"
        assert read_in(folder, "empty", max_bytes=0) == b""
        with pytest.raises(TooLarge):
            read_in(folder, "a", max_bytes=2)
        with pytest.raises(NotRegular):
            read_in(folder, "link", max_bytes=9)
        with pytest.raises(FileNotFoundError):
            read_in(folder, "gone", max_bytes=9)
    finally:
        os.close(folder)


def sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


@pytest.mark.parametrize("make", [os.mkfifo, _link, sparse, bind, Path.mkdir])
def test_read_file_refuses_anything_but_a_small_regular_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(Path("file"))
    with pytest.raises(OSError, match="file"):
        read_file(Path("file"))


def test_read_file_returns_the_content_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"gitdir: x\n")
    assert read_file(tmp_path / "file") == b"gitdir: x\n"


@pytest.mark.parametrize("linked", ["a", "a/b", "a/b/file"])
def test_opened_below_refuses_a_link_in_any_component(tmp_path: Path, linked: str) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"content")
    with opened_below(tmp_path, ["a", "b", "file"]) as stream:
        assert stream.read() == b"content"
    (tmp_path / linked).rename(tmp_path / "real")
    (tmp_path / linked).symlink_to(tmp_path / "real")
    with pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        opened_below(tmp_path, ["a", "b", "file"]).__enter__()
