"""The folder of a project's record is made where git never removes it, and where no agent can write."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from specify_cli.errors import StorageFailed
from specify_cli.files import folders
from specify_cli.storage import git_folders, host_place
from specify_cli.storage.layout import Layout

OWNER_ONLY: Final = 0o700


def make_record_folder(project: Layout) -> Path:
    """The folder of the record is there with all that belongs in it, for whom git's `core.sharedRepository` lets in.

    In it is what an older release left in `.kitty/host`, and what the host knew before the project got a
    repository, or was moved within one.

    Raises:
        StorageFailed: it could not be made, a link or a file has its name, or this user may not change it.
    """
    place = host_place.in_repository(project.root)
    base, folder = place or host_place.without_repository(project.root)
    _require_reachable(folder)
    if not os.path.isdir(folder):
        # Once in the life of a project.
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
    """A folder of the host's own is there; a new one is for whom the folder around it is, unless `mode` says otherwise.

    Raises:
        StorageFailed: it could not be made, or something else has its name.
    """
    if os.path.isdir(folder) and not os.path.islink(folder):
        return
    folders.ensure(folder, below=base, mode=OWNER_ONLY)
    open_up(folder, base=base, mode=mode)


def open_up(folder: Path, *, base: Path, mode: int | None = None) -> None:
    """The folder has that mode, or that of the folder around it; what root made belongs to whom that one belongs.

    Raises:
        StorageFailed: it is missing or a link, or this user may not do that.
    """
    with folders.opened(folder, below=base) as descriptor:
        # Whoever may write to the repository may go on where this process stops.
        around = os.stat("..", dir_fd=descriptor)
        if os.geteuid() == 0:
            os.fchown(descriptor, around.st_uid, around.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(around.st_mode) if mode is None else mode)


def not_ours(path: Path, owner: int) -> StorageFailed:
    """The refusal of a change by a user who may not write to the record."""
    return StorageFailed(
        f"{path} belongs to the user {owner}, and you may not write it: ask as that user, or through"
        " the mailbox; nothing was changed"
    )


def _require_reachable(folder: Path) -> None:
    """Raises: StorageFailed where this user may not write to it."""
    try:
        os.stat(folder / ".")
        is_ours = os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    except PermissionError:
        is_ours = False
    except OSError:
        return  # Whoever makes it can say what is wrong.
    if not is_ours:
        seen = next(it for it in (folder, *folder.parents) if os.path.lexists(it))
        raise not_ours(folder, seen.stat().st_uid)


def _is_adopted(project: Layout) -> bool:
    has_link = os.path.islink(project.former_host) or not os.path.lexists(project.kitty)
    return has_link and os.path.isdir(project.host)


def mode_of(project: Layout) -> int:
    """The mode that the folder of the project's record has, and the host's own folders in it."""
    place = host_place.in_repository(project.root)
    return OWNER_ONLY if place is None else mode_in(place[0])


def mode_in(common: Path) -> int:
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
    return OWNER_ONLY
