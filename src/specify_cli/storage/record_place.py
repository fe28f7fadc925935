"""Where the record of a project lies: where git never removes it, and no agent can write."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Final

from specify_cli.files import folders
from specify_cli.storage import git_folders
from specify_cli.storage.layout import Layout

FOLDER: Final = "spec-kitty"
WITHOUT_REPOSITORY: Final = "record"
_NAME_DIGITS: Final = 16
_known: Final[dict[Path, tuple[git_folders.Mark, Path]]] = {}
"""The folder of each project that was asked for: it is asked for many times a request."""

_OWNER_ONLY: Final = 0o700


def record_folder(project: Layout) -> Path:
    """The folder of the record; it may not be there yet.

    `<git folder that all checkouts share>/spec-kitty/<16 hex digits>/`, where the digits are of the
    SHA-256 of the project's path in the checkout; `.kitty/record/` where there is no repository.
    """
    mark = git_folders.mark(project.root)
    known = _known.get(project.root)
    if known is not None and known[0] == mark:
        return known[1]
    found = _repository_around(project.root)
    if found is None:
        return folder_without_repository(project)
    checkout, common = found
    path = os.fsencode(project.root.relative_to(checkout).as_posix())
    folder = common / FOLDER / hashlib.sha256(path).hexdigest()[:_NAME_DIGITS]
    if mark is not None:
        _known[project.root] = mark, folder
    return folder


def folder_without_repository(project: Layout) -> Path:
    """The folder of the record of a project that is in no repository, or was in none when it was made."""
    return project.kitty / WITHOUT_REPOSITORY


def make_record_folder(project: Layout) -> Path:
    """The folder of the record is there, for whom git's `core.sharedRepository` lets in, and nobody else.

    Raises:
        StorageFailed: it could not be made, or a link or a file has its name.
    """
    place = record_folder(project)
    found = _repository_around(project.root)
    below = project.root if found is None else found[1]
    mode = _OWNER_ONLY if found is None else _mode(found[1])
    for folder in (place.parent, place):
        if os.path.isdir(folder) and not os.path.islink(folder):
            continue
        folders.ensure(folder, below=below, mode=_OWNER_ONLY)
        with folders.opened(folder, below=below) as descriptor:
            # Whoever may write to the repository may go on where this process stops.
            around = os.stat("..", dir_fd=descriptor)
            if os.geteuid() == 0:
                os.fchown(descriptor, around.st_uid, around.st_gid)
            os.fchmod(descriptor, mode)
    return place


def _repository_around(root: Path) -> tuple[Path, Path] | None:
    """The checkout that the folder is in, and the git folder that all its checkouts share."""
    for checkout in (root, *root.parents):
        git_folder = git_folders.of(checkout)
        if git_folder is not None:
            return checkout, git_folders.common(git_folder)
    return None


def _mode(common: Path) -> int:
    """The mode of a folder in the repository, as `core.sharedRepository` says; of its owner alone else.

    Source: git-config(1), `core.sharedRepository`.
    """
    said = git_folders.core_settings(common).get("sharedrepository", "=umask")
    value = said.lstrip("= \t").split("#")[0].split(";")[0].strip().strip('"').lower()
    if value in ("", "true", "yes", "on", "1", "group"):
        return stat.S_ISGID | 0o770
    if value in ("2", "all", "world", "everybody"):
        return stat.S_ISGID | 0o775
    if value.startswith("0") and value.strip("01234567") == "" and int(value, 8) & 0o600 == 0o600:
        readers = int(value, 8) & 0o666
        return stat.S_ISGID | readers | (readers & 0o444) >> 2
    return _OWNER_ONLY
