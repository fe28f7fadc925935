"""`spec-kitty release-claim` offers the packages that are held according to the rules."""

from __future__ import annotations

from specify_cli.cli.release import RELEASABLE
from specify_cli.core.lanes import HELD


def test_packages_in_every_status_lane_with_a_holder_are_offered_for_release() -> None:
    assert {*RELEASABLE} == {lane.value for lane in HELD}
