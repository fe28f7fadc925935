"""Every kind of file in place of every path that an agent can write, through the host's whole cycle."""

from __future__ import annotations

import json

import pytest

from tests.campaign import sampled
from tests.integration.intake.attacks import OF_THE_WORKING_TREE, READ_OR_NOT
from tests.integration.sandbox_attacks.kinds import KINDS
from tests.integration.sandbox_attacks.world import World

PLACES = list(dict.fromkeys([*READ_OR_NOT, *OF_THE_WORKING_TREE]))
CASES = [(place, kind) for place in PLACES for kind in KINDS]


@pytest.mark.parametrize(("place", "kind"), sampled(CASES, every=220))
def test_nothing_outside_is_harmed_by_any_kind_of_file_in_place_of(
    world: World, place: str, kind: str, request: pytest.FixtureRequest
) -> None:
    with world.unharmed():
        world.plant(place, kind)
        outcome = world.cycle()
    told = {"place": place, "kind": kind, "outcome": outcome}
    request.node.user_properties.append(("place", json.dumps(told)))
