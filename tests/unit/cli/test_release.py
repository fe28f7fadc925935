"""`spec-kitty release-claim` asks for the packages that the rules know to be held."""

from __future__ import annotations

from specify_cli.cli.release import RELEASABLE
from specify_cli.core.lanes import HELD


def test_the_packages_that_are_offered_are_those_that_somebody_holds() -> None:
    assert {*RELEASABLE} == {lane.value for lane in HELD}
