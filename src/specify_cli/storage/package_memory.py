"""Work packages of missions, cached until one of their files changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from specify_cli import batch
from specify_cli.files import folders
from specify_cli.files.stamps import FileStamp, stamp_of
from specify_cli.storage.package_files import FILE_NAME, WorkPackage, read_packages

if TYPE_CHECKING:
    from specify_cli.storage.package_store import PackageStore

_MOST_PACKAGES: Final = 20_000
"""Packages in memory, except those of the mission that was read last."""

_FEW: Final = 64
_SMALL: Final = 256 * 1024
"""Number and bytes of files up to which a batch may read them."""

_Seen: TypeAlias = dict[str, FileStamp]
"""The stamp of each file, by its path in the mission's folder."""

_TASKS: Final = "tasks"
_OUTLINE: Final = "tasks.md"
_known: Final[dict[Path, tuple[_Seen, Mapping[str, WorkPackage]]]] = {}
_stored: Final[dict[Path, _Seen]] = {}
"""The stamps in the store for each mission."""

_using: Final = threading.Lock()


def packages_of(
    mission_folder: Path,
    *,
    below: Path,
    store: Callable[[], PackageStore] | None = None,
    is_kept: bool = False,
) -> Mapping[str, WorkPackage]:
    """Return the packages as `read_packages`, from memory or from the `store` if possible.

    With `is_kept`, put many packages into the store; the caller holds the mission's lock.

    Raises:
        StateUnreadable: a file is damaged; names file and line.
        StorageFailed: the disk fails.
    """
    packages, seen = _packages_of(mission_folder, below, store)
    is_wanted = is_kept and batch.current() is None and seen is not None and len(seen) > _FEW
    if store is not None and seen is not None and is_wanted and _stored.get(mission_folder) != seen:
        store().put(seen, packages)
        _stored[mission_folder] = seen
    return packages


def _packages_of(
    mission_folder: Path, below: Path, store: Callable[[], PackageStore] | None
) -> tuple[Mapping[str, WorkPackage], _Seen | None]:
    """Return the packages and the stamps of their files; None if a later change may go unnoticed."""
    seen = _look(mission_folder, below)
    known = _known.get(mission_folder)
    if known is not None and known[0] == seen:
        return known[1], seen
    if seen is None or len(seen) > _FEW or sum(it.size for it in seen.values()) > _SMALL:
        batch.require_none()
    stored = store().get(seen) if store is not None and seen and len(seen) > _FEW else None
    if seen is not None and stored is not None:
        _keep(mission_folder, seen, stored)
        _stored[mission_folder] = seen
        return stored, seen
    packages = read_packages(mission_folder, below=below)
    is_settled = seen is not None and all(it.is_settled for it in seen.values())
    if seen is not None and is_settled and seen == _look(mission_folder, below):
        _keep(mission_folder, seen, packages)
        return packages, seen
    return packages, None


def _look(mission_folder: Path, below: Path) -> _Seen | None:
    """Return the stamps of the files; None if reading them has to report an error."""
    try:
        with folders.walked(mission_folder, below=below) as folder:
            seen = _stamps(folder, [_OUTLINE], "")
            tasks = os.open(_TASKS, folders.NOT_FOLLOWED, dir_fd=folder)
            try:
                names = [name for name in os.listdir(tasks) if FILE_NAME.fullmatch(name)]
                return seen | _stamps(tasks, names, f"{_TASKS}/")
            finally:
                os.close(tasks)
    except (folders.NotAFolder, OSError):
        return None


def _stamps(folder: int, names: list[str], prefix: str) -> _Seen:
    found: _Seen = {}
    for name in names:
        try:
            found[prefix + name] = stamp_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        except FileNotFoundError:
            continue
    return found


def _keep(mission_folder: Path, seen: _Seen, packages: Mapping[str, WorkPackage]) -> None:
    with _using:
        _known.pop(mission_folder, None)
        others = sum(len(it) for _, it in _known.values())
        for oldest, (_, known) in [*_known.items()]:
            if others <= _MOST_PACKAGES:
                break
            others -= len(known)
            del _known[oldest]
        _known[mission_folder] = seen, packages
