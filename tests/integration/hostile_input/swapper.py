"""Repeatedly exchanges two directory entries: `swapper.py ONE OTHER SECONDS`."""

from __future__ import annotations

import ctypes
import os
import sys
import time

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def exchange(one: str, other: str) -> None:
    """Exchange the two entries atomically."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), one)


def main(one: str, other: str, seconds: str) -> None:
    """Make an even number of swaps until the time is up, so that the entries end as they were."""
    end, swaps = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        exchange(one, other)
        exchange(one, other)
        swaps += 2
    print(swaps)


if __name__ == "__main__":
    main(*sys.argv[1:])
