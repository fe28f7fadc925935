"""The folder of a project's record and of the host's private files, which `git clean` does not remove."""

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

Location: TypeAlias = tuple[Path, Path]
"""A folder that may be reached through links, because the operator named it; and below it, the folder
of the record.
"""

Mark: TypeAlias = tuple[int, int, int] | None
"""Device and inode of `.git`, and the change time of a file; None if it is missing."""

_known: Final[dict[Path, tuple[tuple[Mark, ...], Location]]] = {}
"""The place of each project: a request needs it dozens of times."""


def find(root: Path) -> Location:
    """Return the folder of the record of the project at `root`; it may not exist yet.

    It is `<common git folder>/spec-kitty/<16 hex digits>/`, where the digits are from the SHA-256
    of the project's path in the checkout; `.kitty/record/` without a repository. An existing record
    from before the repository, or before the project was moved, keeps its place until it is moved.
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


def in_repository(root: Path) -> Location | None:
    """Return the place in the repository that contains `root`; None if there is none."""
    found = around(root)
    if found is None:
        return None
    checkout, common = found
    return common, common / FOLDER / name_of(path_in(checkout, root))


def without_repository(root: Path) -> Location:
    """Return the place for a project that is not in a repository, or was not when the record was made."""
    return root, root / KITTY / WITHOUT_REPOSITORY


def path_in(checkout: Path, root: Path) -> bytes:
    """Return the path of the project in its checkout, which names the folder of its record."""
    return os.fsencode(root.relative_to(checkout).as_posix())


def name_of(path: bytes) -> str:
    """Return the name of the record's folder for a project at that path."""
    return hashlib.sha256(path).hexdigest()[:_NAME_DIGITS]


def around(root: Path) -> tuple[Path, Path] | None:
    """Return the checkout that contains the folder, and its common git folder."""
    for checkout in (root, *root.parents):
        git_folder = git_folders.of(checkout)
        if git_folder is not None:
            return checkout, git_folders.common(git_folder)
    return None


def _former(root: Path) -> Path | None:
    # Inside the function: most projects were never moved.
    from specify_cli.storage import moved_projects

    return moved_projects.record_before(root)


def _marks(root: Path, depth: int) -> tuple[Mark, ...]:
    """Return a value that changes if one of `depth` folders, from `root` upwards, gets another `.git`."""
    if depth == 1:
        return (mark(root),)
    return tuple(map(mark, (root, *root.parents[: depth - 1])))


def mark(folder: Path) -> Mark:
    """Return a value that changes if another file or folder becomes `folder/.git`; None if it is missing."""
    try:
        status = os.stat(f"{folder}/{git_folders.GIT}")
    except OSError:
        return None
    # Only a file has a useful time: a folder changes with every ref.
    is_file = stat.S_IFMT(status.st_mode) == stat.S_IFREG
    return status.st_dev, status.st_ino, status.st_mtime_ns if is_file else 0


def _is_folder(path: Path) -> bool:
    """Whether the path is a folder and not a link; an unreadable one counts, so that no other place is used."""
    try:
        kind = stat.S_IFMT(os.lstat(path).st_mode)
    except PermissionError:
        return True
    except OSError:
        return False
    return kind == stat.S_IFDIR
