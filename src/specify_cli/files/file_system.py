"""What was written to one file system is on the disk."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any


def sync_file_system(descriptor: int) -> None:
    """Everything that was written by now to the file system that the open file is on survives a power loss.

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
    """The function of the C library; None where it has none. Source: syncfs(2)."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int,)
    call.restype = ctypes.c_int
    return call
