"""Where the host's own files of a project are: in the folder of its record, which `git clean` does not touch."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Final, TypeAlias

from specify_cli.storage import git_folders

KITTY: Final = ".kitty"
MISSIONS: Final = "kitty-specs"
FOLDER: Final = "spec-kitty"
WITHOUT_REPOSITORY: Final = "record"
_NAME_DIGITS: Final = 16

Place: TypeAlias = tuple[Path, Path]
"""A folder that is reached through links as well, because the operator named it; below it, the folder of the record."""

Mark: TypeAlias = tuple[int, int, int] | None
"""Device and inode of `.git`, and when it changed where it is a file; None where there is none."""

_known: Final[dict[Path, tuple[tuple[Mark, ...], Place]]] = {}
"""The place of each project that was asked for: it is asked for dozens of times a request."""


def find(root: Path) -> Place:
    """The folder of the record of the project at `root`; it may not be there yet.

    `<git folder that all checkouts share>/spec-kitty/<16 hex digits>/`, where the digits are of the
    SHA-256 of the project's path in the checkout; `.kitty/record/` where there is no repository. What was
    there before the repository, or before the project's folder was moved, is the place until it is moved.
    """
    known = _known.get(root)
    if known is not None and known[0] == _marks(root, len(known[0])):
        return known[1]
    place = in_repository(root)
    if place is None:
        return without_repository(root)
    base, own = place
    if _is_folder(own):
        checkout = around(root)
        depth = len(root.relative_to(checkout[0]).parts) + 1 if checkout else 1
        _known[root] = _marks(root, depth), place
        return place
    if _is_folder(without_repository(root)[1]):
        return without_repository(root)
    if _is_folder(own.parent) and (former := _former(root)) is not None:
        return base, former
    return place


def in_repository(root: Path) -> Place | None:
    """The place in the repository that `root` is in; None where it is in none."""
    found = around(root)
    if found is None:
        return None
    checkout, common = found
    return common, common / FOLDER / name_of(path_in(checkout, root))


def without_repository(root: Path) -> Place:
    """The place of a project that is in no repository, or was in none when it was first changed."""
    return root, root / KITTY / WITHOUT_REPOSITORY


def path_in(checkout: Path, root: Path) -> bytes:
    """The path of the project in its checkout, by which the folder of its record is named."""
    return os.fsencode(root.relative_to(checkout).as_posix())


def name_of(path: bytes) -> str:
    """The name of the folder of the record of the project at that path in its checkout."""
    return hashlib.sha256(path).hexdigest()[:_NAME_DIGITS]


def around(root: Path) -> tuple[Path, Path] | None:
    """The checkout that the folder is in, and the git folder that all its checkouts share."""
    for checkout in (root, *root.parents):
        git_folder = git_folders.of(checkout)
        if git_folder is not None:
            return checkout, git_folders.common(git_folder)
    return None


def _former(root: Path) -> Path | None:
    # Most projects are where they were made: the search for another record is loaded for the others alone.
    from specify_cli.storage import moved_projects

    return moved_projects.record_before(root)


def _marks(root: Path, depth: int) -> tuple[Mark, ...]:
    """What changes where one of that many folders, from `root` upwards, gets another `.git`."""
    if depth == 1:
        return (mark(root),)
    return tuple(map(mark, (root, *root.parents[: depth - 1])))


def mark(folder: Path) -> Mark:
    """What is another one where another file or folder is `folder/.git`; None where nothing is."""
    try:
        status = os.stat(f"{folder}/{git_folders.GIT}")
    except OSError:
        return None
    # A file that names the folder is written anew in its place; a folder changes with every ref.
    is_file = stat.S_IFMT(status.st_mode) == stat.S_IFREG
    return status.st_dev, status.st_ino, status.st_mtime_ns if is_file else 0


def _is_folder(path: Path) -> bool:
    """Whether it is a folder, and no link; so is what this user may not look at: nothing else is looked for then."""
    try:
        kind = stat.S_IFMT(os.lstat(path).st_mode)
    except PermissionError:
        return True
    except OSError:
        return False
    return kind == stat.S_IFDIR
