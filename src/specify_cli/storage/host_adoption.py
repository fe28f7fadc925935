"""Move the host's files of an older release from `.kitty/host` beside the record.

A dangling link takes the name: each older release refuses to start at it before it changes
anything. Every step may be interrupted; the next call completes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from specify_cli import ids
from specify_cli.errors import StorageFailed
from specify_cli.files import folders, locks, moves, regular_files
from specify_cli.files.atomic import translated
from specify_cli.files.locks import LifeLock
from specify_cli.storage import record_folder
from specify_cli.storage.layout import Layout

LINK: Final = "not-here--a-newer-spec-kitty-serves-this-project"
"""The target of `.kitty/host`, which does not exist; its name explains why."""

_OLD_LOCKS: Final = "locks"
_RETRY_S: Final = 0.05
_AT_ONCE: Final = 1024 * 1024


def adopt(project: Layout, *, timeout_s: float = 60.0) -> None:
    """Move the host's files beside the record, and keep older releases from starting.

    Raises:
        StorageFailed: an older release is running, or the disk fails; nothing is lost.
    """
    with locks.held(project.lock("adoption"), timeout_s=timeout_s):
        if not folders.exists(project.kitty, below=project.root):
            record_folder.make_inside(project.host, base=project.host_base)
            return
        with folders.opened(project.kitty, below=project.root) as kitty:
            _take_in(project, kitty, timeout_s=timeout_s)
            record_folder.make_inside(project.host, base=project.host_base)
            # These locks are not used any more.
            shutil.rmtree(project.host / _OLD_LOCKS, ignore_errors=True)
            with translated(project.former_host, "make"), contextlib.suppress(FileExistsError):
                os.symlink(LINK, project.former_host.name, dir_fd=kitty)
                os.fsync(kitty)


def _take_in(project: Layout, kitty: int, *, timeout_s: float) -> None:
    former = project.former_host
    kind = _kind(former.name, kitty)
    if kind in (None, stat.S_IFLNK):
        return
    if kind != stat.S_IFDIR:
        raise StorageFailed(f"{former} is not a regular folder; move it away, then try again")
    with _no_older_release(former / _OLD_LOCKS, timeout_s), translated(former, "move"):
        if os.path.lexists(project.host) or not _is_renamed(project, kitty):
            _carry(project, kitty)


def _carry(project: Layout, kitty: int) -> None:
    """Move the files one by one, and remove the folder."""
    former = project.former_host
    record_folder.make_inside(project.host, base=project.host_base)
    with (
        folders.opened(former, below=project.root) as here,
        folders.opened(project.host, below=project.host_base) as there,
    ):
        _merge(project, here, there, aside=project.attic / f"host-{ids.ulid()}")
    os.rmdir(former.name, dir_fd=kitty)


def _is_renamed(project: Layout, kitty: int) -> bool:
    """Rename the folder; return whether that worked: not to another file system."""
    with folders.opened(project.record, below=project.host_base) as record:
        try:
            os.rename(
                project.former_host.name,
                project.host.name,
                src_dir_fd=kitty,
                dst_dir_fd=record,
            )
        except OSError:
            return False
        os.fsync(record)
    return True


def _merge(project: Layout, here: int, there: int, *, aside: Path) -> None:
    """Move everything from `here` to `there`; drop equal files, and move conflicting ones to `aside`."""
    for name in sorted(os.listdir(here)):
        kinds = _kind(name, here), _kind(name, there)
        if kinds[1] is None:
            moves.move(name, name, src_dir_fd=here, dst_dir_fd=there)
        elif kinds == (stat.S_IFDIR, stat.S_IFDIR):
            with _inside(name, here) as source, _inside(name, there) as target:
                _merge(project, source, target, aside=aside / name)
            os.rmdir(name, dir_fd=here)
        elif kinds == (stat.S_IFREG, stat.S_IFREG) and _are_same(name, here, there):
            os.unlink(name, dir_fd=here)
        else:
            for inner in (*reversed(aside.relative_to(project.host).parents), aside):
                record_folder.make_inside(project.host / inner, base=project.host_base)
            with folders.opened(aside, below=project.host_base) as attic:
                moves.move(name, name, src_dir_fd=here, dst_dir_fd=attic)


def _kind(name: str, folder: int) -> int | None:
    """Return the type of the file, for example `stat.S_IFREG`; None if it is missing."""
    try:
        return stat.S_IFMT(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _inside(name: str, folder: int) -> Iterator[int]:
    descriptor = os.open(name, folders.NOT_FOLLOWED, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _are_same(name: str, here: int, there: int) -> bool:
    with ExitStack() as files:
        one, other = (
            files.enter_context(regular_files.opened_plain(name, folder=it, flags=os.O_RDONLY))
            for it in (here, there)
        )
        while (read := one.read(_AT_ONCE)) == other.read(_AT_ONCE):
            if not read:
                return True
    return False


@contextlib.contextmanager
def _no_older_release(folder: Path, timeout_s: float) -> Iterator[None]:
    """Hold every lock that an older release may take, including new ones."""
    deadline = time.monotonic() + timeout_s
    while True:
        with ExitStack() as held:
            taken = _first_taken(folder, held)
            if taken is None:
                yield
                return
        if taken.stem == "worker" or time.monotonic() > deadline:
            raise StorageFailed(
                f"an older spec-kitty is running here and holds {taken}: {locks.holder(taken)}; stop it, or wait"
                " for it, then try again"
            )
        time.sleep(_RETRY_S)


def _first_taken(folder: Path, held: ExitStack) -> Path | None:
    """Take the free locks in the folder; return the first that is held, or None."""
    ours: set[Path] = set()
    while new := sorted(set(folder.glob("*.lock")) - ours):
        for path in new:
            lock = LifeLock.try_acquire(path)
            if lock is None:
                return path
            held.callback(lock.release)
            ours.add(path)
    return None
