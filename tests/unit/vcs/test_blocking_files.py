"""Tests of the search for files that would block git."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from specify_cli.vcs.blocking_files import blocking_files


@pytest.mark.parametrize(
    ("name", "waits"),
    [
        (".gitignore", True),
        ("deep/er/.gitattributes", True),
        (".gitmodules", True),
        ("nested/.git/HEAD", True),
        ("nested/.git/objects/info/alternates", True),
        ("work.fifo", False),
    ],
)
def test_fifos_that_git_would_open_are_found(tmp_path: Path, name: str, *, waits: bool) -> None:
    fifo = tmp_path / name
    fifo.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(fifo)
    (tmp_path / ".github").mkdir()
    (tmp_path / ".gitlab-ci.yml").touch()
    assert list(blocking_files(tmp_path, seconds=60)) == ([fifo] if waits else [])


@contextmanager
def folders_in_each_other(place: Path, count: int) -> Iterator[int]:
    """Create nested folders; gives a descriptor of the innermost, whose path may be too long to open."""
    descriptor = os.open(place, os.O_RDONLY)
    for _ in range(count):
        os.mkdir("d", dir_fd=descriptor)
        inner = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        # Python and pytest cannot remove folders of this depth.
        subprocess.run(["rm", "-rf", place / "d"], check=True)


def test_folders_nested_deeper_than_the_recursion_limit_are_searched(tmp_path: Path) -> None:
    """Folders are searched as long as their path can be opened."""
    with folders_in_each_other(tmp_path, 2500) as innermost:
        os.close(os.open("file", os.O_CREAT, dir_fd=innermost))
        os.mkfifo(tmp_path / "d/d/.gitignore")
        assert list(blocking_files(tmp_path, seconds=60)) == [tmp_path / "d/d/.gitignore"]


def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    os.mkfifo(outside / ".gitignore")
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    assert list(blocking_files(inside, seconds=60)) == []


def test_the_search_raises_timeout_error_at_its_deadline(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        list(blocking_files(tmp_path, seconds=0))


def test_a_link_to_a_fifo_is_found(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "work" / "nested" / ".git").mkdir(parents=True)
    config = tmp_path / "work" / "nested" / ".git" / "config"
    config.symlink_to(tmp_path / "fifo")
    assert list(blocking_files(tmp_path / "work", seconds=60)) == [config]


@pytest.mark.parametrize("how", ["file", "link"])
def test_the_git_folder_of_a_nested_repository_is_searched(tmp_path: Path, how: str) -> None:
    (tmp_path / "elsewhere" / "refs").mkdir(parents=True)
    (tmp_path / "inner").mkdir()
    os.mkfifo(tmp_path / "elsewhere" / "HEAD")
    if how == "file":
        (tmp_path / "inner" / ".git").write_text("gitdir: ../elsewhere\n")
    else:
        (tmp_path / "inner" / ".git").symlink_to("../elsewhere")
    assert list(blocking_files(tmp_path, seconds=60)) == [tmp_path / "elsewhere" / "HEAD"]


@pytest.mark.parametrize("target", ["/dev", "..", ".", "loop"])
def test_a_git_folder_outside_the_working_tree_is_not_searched(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "work"
    (folder / "inner").mkdir(parents=True)
    os.mkfifo(tmp_path / "outside")
    os.mkfifo(folder / "mine")
    (folder / "loop").symlink_to("loop")
    (folder / "inner" / ".git").write_text(
        f"gitdir: ../{target}\n" if target != "/dev" else "gitdir: /dev\n"
    )
    assert list(blocking_files(folder, seconds=60)) == []
