"""The tracing library records every change of the file system."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.campaign import Ground
from tests.faults.disk import History, Tree
from tests.faults.place import FIRST


@pytest.mark.parametrize(
    ("scenario", "door"),
    [("start-implementation/dependency", "mailbox"), ("merge-mission/merge", "cli")],
)
def test_replaying_the_traced_calls_reproduces_the_project(
    ground: Ground, tmp_path: Path, scenario: str, door: str
) -> None:
    place, *_ = ground.ready(scenario, door)
    place.reset()
    place.drop(FIRST)
    before = tmp_path / "before"
    shutil.copytree(place.root, before, symlinks=True)
    ended = place.ask(FIRST, traced=True)
    assert ended.status == 0, ended
    made = History(before, place.root, place.trace()).now.listing()
    found = Tree.load(place.root).listing()
    assert sorted(made.keys() ^ found.keys()) == []
    # SQLite writes to it in memory, and creates it again after a loss of power.
    differing = [name for name in made if made[name] != found[name]]
    assert [name for name in differing if not name.endswith(".db-shm")] == []
