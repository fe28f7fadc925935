"""Obstacles in a working tree that is to be moved to another commit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from specify_cli.vcs.checkout_updates import is_obstructed

DEPTH = 1900
"""Folders in each other: the longest path that the system opens has 4,096 bytes."""


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


def test_the_cost_of_a_check_grows_no_faster_than_the_depth_of_the_path(tmp_path: Path) -> None:
    with counted_calls() as calls:
        assert not is_obstructed(tmp_path, "d/" * DEPTH + "file", ())
    assert calls.count < DEPTH
    tmp_path.joinpath("d").touch()
    assert is_obstructed(tmp_path, "d/" * DEPTH + "file", ())
    assert not is_obstructed(tmp_path, "d/" * DEPTH + "file", ("d",))
