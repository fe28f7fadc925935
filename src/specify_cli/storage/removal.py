"""A stranger's folder is removed, however deep it is and whoever still writes into it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.files.atomic import translated
from specify_cli.files.folders import NO_FOLDER, NOT_FOLLOWED, opened

# What `unlink` says of a folder: Linux the first, POSIX the second.
IS_FOLDER = frozenset({errno.EISDIR, errno.EPERM})
NOT_EMPTY = frozenset({errno.ENOTEMPTY, errno.EEXIST})
# How often something may come while it is emptied.
PATIENCE = 100
# How many levels of folders go at one asking, so that nobody who digs on meanwhile keeps us for ever.
DEEPEST = 20_000


def remove_thing(path: Path, *, below: Path | None = None) -> None:
    """Nothing is called `path` any more; no link is followed.

    With `below`, that holds for everything between that folder and the thing too. At most three folders
    are open at a time, and no path is longer than one name.

    Raises: StorageFailed.
    """
    with opened(path.parent, below=below or path.parent) as parent, translated(path, "remove"):
        with contextlib.suppress(FileNotFoundError):
            if not _is_unlinked(path.name, parent):
                _remove_folder(path, parent)
        os.fsync(parent)


def _remove_folder(path: Path, parent: int) -> None:
    top = os.open(path.name, NOT_FOLLOWED, dir_fd=parent)
    try:
        _Emptying(path, top).run(parent)
    finally:
        os.close(top)


class _Emptying:
    """Removes the folder `top`; what lies in an inner folder is moved up into it before that is removed.

    So the depth costs rounds, neither descriptors nor a deeper stack.
    """

    def __init__(self, path: Path, top: int) -> None:
        self._path = path
        self._top = top
        self._came = 0

    def run(self, parent: int) -> None:
        """It is gone from `parent`, with what came meanwhile. Raises: StorageFailed, OSError."""
        for _ in range(DEEPEST):
            lifted = sum(self._is_lifted(name) for name in os.listdir(self._top))
            if lifted:
                continue
            with self._patience():
                os.rmdir(self._path.name, dir_fd=parent)
                return
        raise StorageFailed(
            f"could not remove all of {self._path}: it is too deep, or somebody still writes into it; try again"
        )

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        """What has come, or taken a folder's place, is seen to in the next round."""
        try:
            yield
        except OSError as error:
            if error.errno not in NOT_EMPTY | NO_FOLDER:
                raise
            self._came += 1
            if self._came > PATIENCE:
                raise StorageFailed(
                    f"could not remove {self._path}: somebody still writes into it; stop that, then try again"
                ) from error

    def _is_lifted(self, name: str) -> bool:
        """Whether it was a folder: it is gone, and what lay in it is here now."""
        with self._patience(), contextlib.suppress(FileNotFoundError):
            if _is_unlinked(name, self._top):
                return False
            self._lift(name)
            os.rmdir(name, dir_fd=self._top)
        return True

    def _lift(self, name: str) -> None:
        inner = os.open(name, NOT_FOLLOWED, dir_fd=self._top)
        try:
            for one in os.listdir(inner):
                with contextlib.suppress(FileNotFoundError):
                    if not _is_unlinked(one, inner) and not _is_removed(one, inner):
                        # A name that nobody could have taken before.
                        fresh = secrets.token_hex(16)
                        os.rename(one, fresh, src_dir_fd=inner, dst_dir_fd=self._top)
        finally:
            os.close(inner)


def _is_unlinked(name: str, folder: int) -> bool:
    """Whether the thing is gone; False where it is a folder."""
    try:
        os.unlink(name, dir_fd=folder)
    except OSError as error:
        is_folder = error.errno in IS_FOLDER and stat.S_ISDIR(
            os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        )
        if is_folder:
            return False
        raise
    return True


def _is_removed(name: str, folder: int) -> bool:
    """Whether the folder was empty, and is gone: to be moved it would have to be ours to write to."""
    try:
        os.rmdir(name, dir_fd=folder)
    except OSError as error:
        if error.errno in NOT_EMPTY:
            return False
        raise
    return True
