"""Git merges the logs of missions line by line: `info/attributes` in the repository says so.

Whatever else the file says stays. A line for these files that somebody wrote behind ours counts instead of it.

Source: gitattributes(5), "Performing a three-way merge", `union`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from specify_cli.errors import SpecKittyError
from specify_cli.files import folders
from specify_cli.files.regular_files import TooLarge
from specify_cli.storage import git_folders, project_files
from specify_cli.storage.host_place import MISSIONS
from specify_cli.storage.layout import Layout
from specify_cli.storage.log_file import FILE_NAME, write_all

LINE: Final = f"**/{MISSIONS}/*/{FILE_NAME} merge=union"
"""For every project in the repository: a mission's log is one level below its missions."""

_MOST_BYTES: Final = 1024 * 1024
_FOLDER_MODE: Final = 0o777


def attributes_file(project: Layout) -> Path | None:
    """Where git looks for attributes that no commit has; None without a repository."""
    git_folder = git_folders.around(project.root)
    return git_folders.common(git_folder) / "info" / "attributes" if git_folder else None


def lack(project: Layout) -> str:
    """Why git does not merge logs line by line, in words; empty where it does, or there is no repository."""
    path = attributes_file(project)
    try:
        return "" if path is None or _has_line(path) else f"it has no line {LINE!r}"
    except (SpecKittyError, OSError, TooLarge) as error:
        return str(error)


def arrange(project: Layout) -> None:
    """Git merges logs line by line from now on, where this user may say so; else `lack` says why not."""
    path = attributes_file(project)
    try:
        if path is not None and not _has_line(path):
            _add_line(path)
    except (SpecKittyError, OSError, TooLarge):
        return


def _has_line(path: Path) -> bool:
    """Raises: StateUnreadable where it, or its folder, is a link; OSError, TooLarge."""
    try:
        data = project_files.read(path, below=path.parent.parent, max_bytes=_MOST_BYTES)
    except FileNotFoundError:
        return False
    return LINE.encode() in (line.strip() for line in data.splitlines())


def _add_line(path: Path) -> None:
    """The line is the last one; what others write at the same time stays.

    Raises: StateUnreadable, StorageFailed, OSError.
    """
    common = path.parent.parent
    folders.ensure(path.parent, below=common, mode=_FOLDER_MODE)
    is_new = not os.path.lexists(path)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    with project_files.opened(path, below=common, flags=flags) as file:
        status = os.fstat(file.fileno())
        if is_new:
            # As git's own files beside it, for whoever may use the repository.
            model = os.stat(common / "HEAD")
            os.fchmod(file.fileno(), model.st_mode & 0o666)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), model.st_uid, model.st_gid)
        ended = not status.st_size or os.pread(file.fileno(), 1, status.st_size - 1) == b"\n"
        write_all(file, f"{'' if ended else chr(10)}{LINE}\n".encode())
