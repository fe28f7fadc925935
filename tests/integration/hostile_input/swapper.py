"""Swaps two names for each other again and again: `swapper.py ONE OTHER SECONDS`."""

from __future__ import annotations

import ctypes
import os
import sys
import time

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def exchange(one: str, other: str) -> None:
    """Each name is the other's thing from now on, and there was no instant without either."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), one)


def main(one: str, other: str, seconds: str) -> None:
    """An even number of swaps, at most until the time is up: things end where they were."""
    end, swaps = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        exchange(one, other)
        exchange(one, other)
        swaps += 2
    print(swaps)


if __name__ == "__main__":
    main(*sys.argv[1:])
