from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from specify_cli.files.folders import opened
from specify_cli.mailbox.wakeup import Wakeup
from specify_cli.mailbox.watch import watching
from tests.patience import LONGEST_S

GROUPER = "watchdog.observers.inotify_move_event_grouper.InotifyMoveEventGrouper"


@pytest.fixture
def bell() -> Iterator[Wakeup]:
    bell = Wakeup()
    yield bell
    bell.close()


def test_a_bell_that_rang_before_is_heard_once(bell: Wakeup) -> None:
    bell.ring()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_ringing_for_ever_does_not_block(bell: Wakeup) -> None:
    for _ in range(100_000):
        bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


def test_ringing_a_bell_that_is_gone_is_harmless() -> None:
    bell = Wakeup()
    bell.close()
    bell.ring()


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is watched there")
def test_claims_do_not_delay_the_next_ring(
    bell: Wakeup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On the path not taken watchdog holds events back this long behind a rename out of the folder.
    monkeypatch.setattr(f"{GROUPER}.delay", 2 * LONGEST_S)
    inbox, claimed = tmp_path / "inbox", tmp_path / "claimed"
    inbox.mkdir()
    claimed.mkdir()
    with watching(bell) as watch, opened(inbox, below=tmp_path) as folder:
        assert watch.cover("default", folder)
        for number in range(5):
            written = tmp_path / "written"
            written.touch()
            written.rename(inbox / f"{number}.json")
            assert bell.wait(LONGEST_S)
            (inbox / f"{number}.json").rename(claimed / f"{number}.json")


def test_where_nothing_can_be_watched_the_rescan_must_do(bell: Wakeup, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with watching(bell) as watch, (tmp_path / "file").open() as file:
        assert not watch.cover("default", file.fileno())
