"""Sync one file system to the disk."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any


def sync_file_system(descriptor: int) -> None:
    """Sync the file system that an open file is on.

    Raises:
        OSError: the disk refused.
    """
    call = _syncfs()
    if call is None:
        os.sync()
    elif call(descriptor):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@cache
def _syncfs() -> Any:
    """Return the function of the C library, None where it has none. Source: syncfs(2)."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int,)
    call.restype = ctypes.c_int
    return call
