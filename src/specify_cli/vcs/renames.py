"""Rename without overwriting, and exchange two names in one step."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from typing import Any, Final

_NOREPLACE: Final = 1
_EXCHANGE: Final = 2
_UNKNOWN: Final = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM})
"""The errors of a kernel or file system without the call. Source: renameat2(2)."""


def rename_free(old: str, new: str, *, from_fd: int, to_fd: int) -> None:
    """Rename `old` to a free name.

    Where the kernel cannot refuse to overwrite, the name is checked just before.

    Raises:
        FileExistsError: something has the name.
        OSError: the disk refused.
    """
    if _renamed(old, new, from_fd=from_fd, to_fd=to_fd, flags=_NOREPLACE):
        return
    try:
        os.lstat(new, dir_fd=to_fd)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=from_fd, dst_dir_fd=to_fd)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)


def exchange(one: str, other: str, *, one_fd: int, other_fd: int) -> bool:
    """Exchange the names of two entries in one step; return False where the system cannot.

    Raises:
        OSError: one of them is missing, or the disk refused.
    """
    return _renamed(one, other, from_fd=one_fd, to_fd=other_fd, flags=_EXCHANGE)


def _renamed(old: str, new: str, *, from_fd: int, to_fd: int, flags: int) -> bool:
    call = _renameat2()
    if call is None:
        return False
    if call(from_fd, os.fsencode(old), to_fd, os.fsencode(new), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNKNOWN:
        return False
    raise OSError(number, os.strerror(number), old, None, new)


@cache
def _renameat2() -> Any:
    """Return the function of the C library; None where it has none."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    call.restype = ctypes.c_int
    return call
