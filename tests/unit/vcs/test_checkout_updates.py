"""Tests of finding obstacles in a working tree before it moves to another commit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from specify_cli.vcs.checkout_updates import is_obstructed

DEPTH = 1900
"""The number of nested folders; the system opens paths of up to 4,096 bytes."""


class Calls:
    """The number of Python functions that were called."""

    count = 0

    def add(self, frame: FrameType, event: str, arg: object) -> None:
        """Count one call; a profile function of the interpreter."""
        self.count += event == "call"


@contextmanager
def counted_calls() -> Iterator[Calls]:
    calls, before = Calls(), sys.getprofile()
    sys.setprofile(calls.add)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def test_checking_a_deep_path_takes_linear_time(tmp_path: Path) -> None:
    with counted_calls() as calls:
        assert not is_obstructed(tmp_path, "d/" * DEPTH + "file", ())
    assert calls.count < DEPTH
    tmp_path.joinpath("d").touch()
    assert is_obstructed(tmp_path, "d/" * DEPTH + "file", ())
    assert not is_obstructed(tmp_path, "d/" * DEPTH + "file", ("d",))
