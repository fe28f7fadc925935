"""Make git merge the logs of missions line by line, by `info/attributes` in the repository.

The rest of that file is kept. A later line for the same files takes precedence.

Source: gitattributes(5), "Performing a three-way merge", `union`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from specify_cli.errors import SpecKittyError
from specify_cli.files import durability, folders
from specify_cli.files.regular_files import TooLarge
from specify_cli.storage import git_folders, project_files
from specify_cli.storage.layout import Layout
from specify_cli.storage.log_file import FILE_NAME, write_all
from specify_cli.storage.record_location import MISSIONS

LINE: Final = f"**/{MISSIONS}/*/{FILE_NAME} merge=union"
"""Matches every project in the repository: a log is one level below the folder of missions."""

_MOST_BYTES: Final = 1024 * 1024
_FOLDER_MODE: Final = 0o777


def attributes_file(project: Layout) -> Path | None:
    """Return the file with attributes that are not committed; None without a repository."""
    git_folder = git_folders.around(project.root)
    return git_folders.common(git_folder) / "info" / "attributes" if git_folder else None


def lack(project: Layout) -> str:
    """Describe why git does not merge logs line by line; empty if it does, or without a repository."""
    path = attributes_file(project)
    try:
        return "" if path is None or _has_line(path) else f"it has no line {LINE!r}"
    except (SpecKittyError, OSError, TooLarge) as error:
        return str(error)


def arrange(project: Layout, *, was_tried: bool = False) -> bool:
    """Make git merge logs line by line; return whether it does from now on, else `lack` describes why not.

    With `was_tried`, sync what a call that failed may have written.
    """
    path = attributes_file(project)
    if path is None:
        return False
    try:
        if was_tried or not _has_line(path):
            _add_line(path)
    except (SpecKittyError, OSError, TooLarge):
        return False
    return True


def _has_line(path: Path) -> bool:
    """Whether the file has the line."""
    try:
        data = project_files.read(path, below=path.parent.parent, max_bytes=_MOST_BYTES)
    except FileNotFoundError:
        return False
    return LINE.encode() in (line.strip() for line in data.splitlines())


def _add_line(path: Path) -> None:
    """Append the line if it is missing, and sync; concurrent writes of other programs are kept."""
    common = path.parent.parent
    folders.ensure(path.parent, below=common, mode=_FOLDER_MODE)
    is_new = not os.path.lexists(path)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    with project_files.opened(path, below=common, flags=flags) as file:
        status = os.fstat(file.fileno())
        if is_new:
            # Like git's own files beside it, for all users of the repository.
            model = os.stat(common / "HEAD")
            os.fchmod(file.fileno(), model.st_mode & 0o666)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), model.st_uid, model.st_gid)
        if not _has_line(path):
            ended = not status.st_size or os.pread(file.fileno(), 1, status.st_size - 1) == b"\n"
            write_all(file, f"{'' if ended else chr(10)}{LINE}\n".encode())
        os.fsync(file.fileno())
    # After a power loss, git may merge before the next change looks here again.
    durability.sync_folder(path.parent)
