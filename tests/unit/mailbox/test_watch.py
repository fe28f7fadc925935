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
def wakeup() -> Iterator[Wakeup]:
    wakeup = Wakeup()
    yield wakeup
    wakeup.close()


def test_two_wakes_before_the_wait_count_as_one(wakeup: Wakeup) -> None:
    wakeup.wake()
    wakeup.wake()
    assert wakeup.wait(0)
    assert not wakeup.wait(0)


def test_many_wakes_do_not_block(wakeup: Wakeup) -> None:
    for _ in range(100_000):
        wakeup.wake()
    assert wakeup.wait(0)
    assert not wakeup.wait(0)


def test_waking_after_close_has_no_effect() -> None:
    wakeup = Wakeup()
    wakeup.close()
    wakeup.wake()


@pytest.mark.skipif(sys.platform != "linux", reason="nothing is watched there")
def test_claims_do_not_delay_the_next_wake(
    wakeup: Wakeup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # watchdog's event grouper would delay events by this long after a rename out of the folder.
    monkeypatch.setattr(f"{GROUPER}.delay", 2 * LONGEST_S)
    inbox, claimed = tmp_path / "inbox", tmp_path / "claimed"
    inbox.mkdir()
    claimed.mkdir()
    with watching(wakeup) as watch, opened(inbox, below=tmp_path) as folder:
        assert watch.cover("default", folder)
        for number in range(5):
            written = tmp_path / "written"
            written.touch()
            written.rename(inbox / f"{number}.json")
            assert wakeup.wait(LONGEST_S)
            (inbox / f"{number}.json").rename(claimed / f"{number}.json")


def test_a_regular_file_cannot_be_watched(wakeup: Wakeup, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with watching(wakeup) as watch, (tmp_path / "file").open() as file:
        assert not watch.cover("default", file.fileno())
