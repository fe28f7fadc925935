"""Tests of moving files and folders, also to another file system."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from specify_cli.files import moves
from tests.durability import watched
from tests.file_systems import on_another_file_system


@contextmanager
def both(here: Path, there: Path) -> Iterator[dict[str, int]]:
    folders = [os.open(it, os.O_RDONLY | os.O_DIRECTORY) for it in (here, there)]
    yield {"src_dir_fd": folders[0], "dst_dir_fd": folders[1]}
    for descriptor in folders:
        os.close(descriptor)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder with an entry of each kind."""
    kept = tmp_path / "here" / "kept"
    (kept / "inner").mkdir(parents=True)
    (kept / "inner" / "file").write_bytes(b"text")
    (kept / "inner" / "file").chmod(0o600)
    os.utime(kept / "inner" / "file", ns=(1, 2))
    (kept / "link").symlink_to("inner")
    (kept / "dangling").symlink_to("nowhere")
    os.mkfifo(kept / "fifo")
    kept.chmod(0o700)
    return kept.parent


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    with on_another_file_system(tmp_path) as folder:
        folder.mkdir()
        yield folder


def is_whole(kept: Path) -> None:
    assert sorted(it.name for it in kept.iterdir()) == ["dangling", "fifo", "inner", "link"]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    file = kept / "inner" / "file"
    assert file.read_bytes() == b"text"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.stat().st_mtime_ns == 2
    assert [(kept / it).readlink() for it in ("link", "dangling")] == [
        Path("inner"),
        Path("nowhere"),
    ]
    assert stat.S_ISFIFO((kept / "fifo").stat().st_mode)


def test_a_copy_is_complete_and_synced(here: Path, there: Path) -> None:
    with watched() as disk, both(here, there) as folders:
        moves.copy("kept", "new", **folders)
    is_whole(there / "new")
    is_whole(here / "kept")
    assert disk.is_name_kept(there / "new")
    assert {"sync file", "sync inner"} <= set(disk.steps)


def test_a_move_to_another_file_system_copies_and_removes_the_original(
    here: Path, elsewhere: Path
) -> None:
    with watched() as disk, both(here, elsewhere) as folders:
        moves.move("kept", "new", **folders)
        is_whole(elsewhere / "new")
        assert not list(here.iterdir())
        assert disk.steps[-1] == f"sync {here.name}"
        (here / "link").symlink_to(elsewhere / "new")
        moves.move("link", "link", **folders)
    assert not list(here.iterdir())
    assert (elsewhere / "link").readlink() == elsewhere / "new"
    is_whole(elsewhere / "new")


def test_a_failed_copy_leaves_nothing_behind(here: Path, there: Path) -> None:
    deep = here / "deep"
    for _ in range(210):
        deep = deep / "x"
    deep.mkdir(parents=True)
    with both(here, there) as folders, pytest.raises(OSError, match="too deep") as refused:
        moves.copy("deep", "new", **folders)
    assert refused.value.errno == errno.ENAMETOOLONG
    assert not list(there.iterdir())


def test_a_copy_replaces_what_a_killed_copy_left_behind(here: Path, there: Path) -> None:
    (there / ".new.moved.tmp" / "inner").mkdir(parents=True)
    with both(here, there) as folders:
        moves.copy("kept", "new", **folders)
    assert [it.name for it in there.iterdir()] == ["new"]


def test_a_copy_does_not_overwrite_an_existing_file(here: Path, there: Path) -> None:
    (here / "one").write_bytes(b"one")
    (there / "other").write_bytes(b"other")
    with both(here, there) as folders, pytest.raises(FileExistsError):
        moves._copy("one", "other", (folders["src_dir_fd"], folders["dst_dir_fd"]), depth=0)
    assert (there / "other").read_bytes() == b"other"
