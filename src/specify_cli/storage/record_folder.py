"""Make the folder of a project's record, where neither git removes it nor agents can write."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from specify_cli.errors import StorageFailed
from specify_cli.files import folders
from specify_cli.files.atomic import translated
from specify_cli.storage import git_folders, record_location
from specify_cli.storage.layout import Layout

OWNER_ONLY: Final = 0o700


def make_record_folder(project: Layout) -> Path:
    """Make the folder of the record with its subfolders, with the modes of `core.sharedRepository`.

    Files of an older release in `.kitty/host`, and a record from before the repository or the move
    of the project, are moved here.

    Raises:
        StorageFailed: it could not be made, its path is a link or a file, or this user may not
            write to it.
    """
    place = record_location.in_repository(project.root)
    base, folder = place or record_location.without_repository(project.root)
    _require_reachable(folder)
    if not os.path.isdir(folder):
        # Inside the function: needed once in the life of a project.
        from specify_cli.storage import host_moves

        host_moves.bring(project, folder, base=base)
    for each in (folder.parent, folder):
        if not os.path.isdir(each) or os.path.islink(each):
            make_inside(each, base=base, mode=mode_of(project))
    make_inside(project.locks, base=base)
    _require_reachable(project.locks)
    if not _is_adopted(project):
        from specify_cli.storage import host_adoption

        host_adoption.adopt(project)
    _require_reachable(project.host)
    return folder


def make_inside(folder: Path, *, base: Path, mode: int | None = None) -> None:
    """Make a folder of the host; by default with the mode and owner of the folder around it.

    Raises:
        StorageFailed: it could not be made, or the path is not a folder.
    """
    if os.path.isdir(folder) and not os.path.islink(folder):
        return
    folders.ensure(folder, below=base, mode=OWNER_ONLY)
    open_up(folder, base=base, mode=mode)


def open_up(folder: Path, *, base: Path, mode: int | None = None) -> None:
    """Give the folder that mode, or the mode of the folder around it; as root, its owner too.

    Raises:
        StorageFailed: it is missing or a link, this user may not change it, or the disk refused.
    """
    with translated(folder, "set the mode of"), folders.opened(folder, below=base) as descriptor:
        # All writers of the repository may continue the work of this process.
        around = os.stat("..", dir_fd=descriptor)
        if os.geteuid() == 0:
            os.fchown(descriptor, around.st_uid, around.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(around.st_mode) if mode is None else mode)


def not_ours(path: Path, owner: int) -> StorageFailed:
    """Return the error for a user who may not write to the record."""
    return StorageFailed(
        f"{path} belongs to the user {owner}, and you do not have permission to write it: repeat the command as that user, or use"
        " the mailbox; nothing was changed"
    )


def _require_reachable(folder: Path) -> None:
    """Check that this user may write to the folder."""
    try:
        os.stat(folder / ".")
        is_ours = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except PermissionError:
        is_ours = False
    except OSError:
        return  # Making the folder reports the error.
    if not is_ours:
        seen = next(it for it in (folder, *folder.parents) if os.path.lexists(it))
        raise not_ours(folder, seen.stat().st_uid)


def _is_adopted(project: Layout) -> bool:
    has_link = os.path.islink(project.former_host) or not os.path.lexists(project.kitty)
    return has_link and os.path.isdir(project.host)


def mode_of(project: Layout) -> int:
    """Return the mode of the folder of the project's record."""
    place = record_location.in_repository(project.root)
    return OWNER_ONLY if place is None else mode_in(place[0])


def mode_in(common: Path) -> int:
    """Return the mode of a folder in the repository after `core.sharedRepository`; default: owner only.

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
    return OWNER_ONLY
