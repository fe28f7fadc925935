"""Reads that wait for a change: when they are due."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.mailbox import parked_reads
from specify_cli.mailbox.claims import Claim
from specify_cli.mailbox.parked_reads import ParkedReads
from specify_cli.mailbox.processor import Reading
from specify_cli.storage.request_file import Wait


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    return clock


def reading(stem: str) -> Reading:
    return Reading(claim=Claim(f"id-{stem}", stem, Path(stem), Path()), raw=b"{}", can_wait=True)


def wait(newest: int = 1, left_s: float = 10.0) -> Wait:
    return Wait(slug="001-a", seen="p1", newest=newest, left_s=left_s)


def test_a_parked_read_is_due_after_a_change_and_keeps_its_deadline(now: list[float]) -> None:
    newest = {"001-a": 1}
    parked = ParkedReads(newest.__getitem__)
    assert parked.add(reading("a"), wait(), 2) is None
    assert (len(parked), parked.bytes, parked.due(), parked.due_in_s()) == (1, 2, [], 10)
    now[0] += 4
    newest["001-a"] = 2
    assert parked.due_in_s() == 0
    (due,) = parked.due()
    assert (due.can_wait, len(parked)) == (True, 0)
    # Its answer was unchanged: it waits again, until the same deadline.
    parked.add(due, wait(newest=2), 2)
    assert parked.due_in_s() == 6
    now[0] += 6
    (over,) = parked.due()
    assert not over.can_wait


def test_all_parked_reads_are_due_once_one_of_them_has_a_new_answer(
    now: list[float],
) -> None:
    newest = {"001-a": 1}
    parked = ParkedReads(newest.__getitem__)
    for number in range(parked_reads.MOST):
        parked.add(reading(f"r{number}"), wait(), 2)
    newest["001-a"] = 2
    (tried,) = parked.due()
    # Its answer was unchanged, and so are those of the others.
    parked.add(tried, wait(newest=2), 2)
    assert (parked.due(), parked.due_in_s(), len(parked)) == ([], 10, parked_reads.MOST)
    newest["001-a"] = 3
    assert len(parked.due()) == 1
    # It was answered.
    assert parked.due_in_s() == 0
    assert len(parked.due()) == parked_reads.MOST - 1


def test_parked_reads_are_limited_and_a_repeated_request_replaces_its_own(now: list[float]) -> None:
    parked = ParkedReads(lambda _: 1)
    for number in range(parked_reads.MOST):
        assert parked.add(reading(f"r{number}"), wait(), 2) is None
    assert isinstance(parked.add(reading("more"), wait(), 2), StorageFailed)
    (taken,) = parked.take("r7")
    assert (taken.claim.stem, taken.can_wait, parked.take("r7")) == ("r7", False, [])
    parked.clear()
    assert (len(parked), parked.bytes) == (0, 0)
