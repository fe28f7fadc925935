from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from specify_cli.mailbox.bell import Bell
from specify_cli.mailbox.watch import watching
from specify_cli.storage.folders import opened

# watchdog holds events back this long behind a rename out of the folder, on the path not taken.
HELD_BACK_S = 0.5


@pytest.fixture
def bell() -> Iterator[Bell]:
    bell = Bell()
    yield bell
    bell.close()


def test_a_bell_that_rang_before_is_heard_once(bell: Bell) -> None:
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_ringing_for_ever_does_not_block(bell: Bell) -> None:
    for _ in range(100_000):
        bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_ringing_a_bell_that_is_gone_is_harmless() -> None:
    bell = Bell()
    bell.close()
    bell.ring()


def test_claims_do_not_delay_the_next_ring(bell: Bell, tmp_path: Path) -> None:
    inbox, claimed = tmp_path / "inbox", tmp_path / "claimed"
    inbox.mkdir()
    claimed.mkdir()
    waits_s: list[float] = []
    with watching(bell) as watch, opened(inbox, below=tmp_path) as folder:
        rings = watch.cover("default", folder)
        assert rings == (sys.platform == "linux")
        for number in range(5 if rings else 0):
            written = tmp_path / "written"
            written.touch()
            since = time.monotonic()
            written.rename(inbox / f"{number}.json")
            assert bell.wait(30) or not rings
            waits_s.append(time.monotonic() - since)
            (inbox / f"{number}.json").rename(claimed / f"{number}.json")
    assert not rings or min(waits_s[1:]) < HELD_BACK_S / 2


def test_where_nothing_can_be_watched_the_rescan_must_do(bell: Bell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with watching(bell) as watch, (tmp_path / "file").open() as file:
        assert not watch.cover("default", file.fileno())
