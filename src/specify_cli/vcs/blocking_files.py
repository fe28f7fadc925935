"""Find files in a working tree that git would open and wait for without end."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from specify_cli.files.regular_files import read_file


def blocking_files(folder: Path, *, seconds: float) -> Iterator[Path]:
    """Yield each file below a working tree that makes git wait for ever, such as a FIFO called `.gitignore`.

    Only names that git opens on its own count: git never opens a tracked file that is a FIFO. The git
    folder of a nested repository may be anywhere in the working tree, named by a file or a link.

    Raises:
        TimeoutError: the search takes longer than `seconds`.
    """
    deadline = time.monotonic() + seconds
    git_dirs = [os.path.realpath(it) for it in _named_git_dirs(folder, deadline)]
    for parent, names in _folders(folder, deadline):
        # Agents nest folders: `relative_to` takes quadratic time for thousands of them.
        is_inside = ".git" in parent.removeprefix(str(folder)).split("/") or any(
            f"{os.path.realpath(parent)}/".startswith(f"{git_dir}/") for git_dir in git_dirs
        )
        for name in names:
            if is_inside or name.startswith(".git"):
                path = Path(parent, name)
                if path.exists() and not (path.is_file() or path.is_dir()):
                    yield path


def _folders(folder: Path, deadline: float) -> Iterator[tuple[str, list[str]]]:
    """Yield each folder from `folder` down with the names in it; `os.walk` is limited by Python's stack."""
    unvisited = [str(folder)]
    while unvisited:
        parent, names = unvisited.pop(), list[str]()
        # Git does not read a folder that is removed meanwhile or not readable.
        with suppress(OSError), os.scandir(parent) as entries:
            for entry in entries:
                names.append(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    unvisited.append(entry.path)
        if time.monotonic() > deadline:
            raise TimeoutError(
                errno.ETIMEDOUT, "the search for FIFOs in it took too long", str(folder)
            )
        yield parent, names


def _named_git_dirs(folder: Path, deadline: float) -> Iterator[Path]:
    """Yield the git folders in a working tree that a nested `.git` file or link names.

    A git folder elsewhere is not searched: a writer confined to this working tree cannot put a FIFO there.
    """
    root = os.path.realpath(folder)
    for parent, names in _folders(folder, deadline):
        link = Path(parent, ".git")
        if parent == str(folder) or ".git" not in names:
            continue
        named = Path(os.path.realpath(link))
        if named.is_file():
            try:
                text = os.fsdecode(read_file(named)).strip()
            except OSError:
                continue
            named = link.parent / text.removeprefix("gitdir:").strip()
        real = os.path.realpath(named)
        if real != root and f"{real}/".startswith(f"{root}/"):
            yield Path(real)
