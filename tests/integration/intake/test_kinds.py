"""Every kind of file in place of every path that git could read in a workspace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.intake.attacks import (
    KINDS,
    OF_THE_WORKING_TREE,
    READ_OR_NOT,
    World,
    look,
    replace,
    take,
)
from tests.integration.intake.conftest import Note


def outcomes(
    template: World, tmp_path: Path, *, place: str, act: Callable[[World], str], is_sandboxed: bool
) -> dict[str, str]:
    found = {}
    for number, kind in enumerate(KINDS):
        world = template.copy(tmp_path / str(number), is_sandboxed=is_sandboxed)
        replace(world, place, kind)
        found[kind] = world.outcome(act)
        assert not os.path.lexists(world.scene.root / "planted")
    return found


@pytest.mark.parametrize("place", sampled(READ_OR_NOT, every=6))
def test_intake_with_every_kind_of_file_in_place_of(
    template: World, tmp_path: Path, place: str, note: Note
) -> None:
    found = outcomes(template, tmp_path, place=place, act=take, is_sandboxed=True)
    note("intake", {"place": place, "outcomes": found})


@pytest.mark.parametrize("place", sampled(OF_THE_WORKING_TREE, every=6))
def test_uncommitted_changes_with_every_kind_of_file_in_place_of(
    template: World, tmp_path: Path, place: str, note: Note
) -> None:
    found = outcomes(template, tmp_path, place=place, act=look, is_sandboxed=True)
    note("uncommitted", {"place": place, "outcomes": found})
