from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import chain, repeat

import pytest

from specify_cli import processes
from specify_cli.mailbox.background import BackgroundTask, BackgroundTasks
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.worker import Worker
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import SETTINGS, RecordingDispatcher, put, reply_of, wait_until


class Counted:
    """What a chore does, counted: its results in turn, the last one for ever."""

    def __init__(self, *results: float | BaseException) -> None:
        self.count = 0
        self._results = chain(results, repeat(results[-1]))

    def __call__(self) -> float:
        self.count += 1
        result = next(self._results)
        if isinstance(result, BaseException):
            raise result
        return result


def done(count: int, *chores: Callable[[], float]) -> list[str]:
    """What was logged until the last one was done so often."""
    log: list[str] = []
    made = BackgroundTasks(
        [BackgroundTask(name="chore", run=it, again_s=0) for it in chores], log=log.append
    )
    with made.at_work() as start:
        start()
        wait_until(lambda: chores[-1].count >= count)  # type: ignore[attr-defined]
    return log


def test_a_chore_that_fails_is_told_of_once_and_done_again() -> None:
    failing = [ValueError("a\x1b[2J"), ValueError("b"), OSError("c")]
    log = done(6, Counted(*failing, 0.0))
    assert log == ["chore failed, trying again: a\\x1b[2J", "chore goes on"]


def test_none_waits_for_another() -> None:
    released = threading.Event()

    def hangs() -> float:
        assert released.wait(LONGEST_S)
        return LONGEST_S

    log: list[str] = []
    other = Counted(0.0)
    made = BackgroundTasks(
        [BackgroundTask(name="a", run=hangs), BackgroundTask(name="b", run=other)], log=log.append
    )
    with made.at_work() as start:
        start()
        wait_until(lambda: other.count > 2)
        released.set()
    assert log == []


@pytest.mark.parametrize("result", [0.0, LONGEST_S, processes.HostStops()])
def test_they_have_ended_when_the_block_has(result: float | BaseException) -> None:
    chore = Counted(result)
    before = threading.active_count()
    assert done(1, chore) == []
    assert threading.active_count() <= before


def test_a_worker_that_serves_does_its_chores_and_answers_while_one_hangs(
    layout: MailboxLayout, dispatcher: RecordingDispatcher
) -> None:
    begun, released = threading.Event(), threading.Event()

    def hangs() -> float:
        begun.set()
        assert released.wait(LONGEST_S)
        return LONGEST_S

    chores = [BackgroundTask(name="hangs", run=hangs)]
    worker = Worker(layout, dispatcher, settings=SETTINGS, log=lambda _: None, chores=chores)
    thread = threading.Thread(target=worker.serve)
    thread.start()
    try:
        assert begun.wait(LONGEST_S)
        put(layout, "one")
        wait_until((layout.outbox / "one.json").exists)
        assert reply_of(layout, "one")["success"]
    finally:
        released.set()
        worker.stop()
        thread.join(LONGEST_S)
    assert not thread.is_alive()


def test_a_worker_that_drains_does_no_chores(
    layout: MailboxLayout, dispatcher: RecordingDispatcher
) -> None:
    chore = Counted(0.0)
    chores = [BackgroundTask(name="chore", run=chore)]
    put(layout, "one")
    Worker(layout, dispatcher, settings=SETTINGS, log=lambda _: None, chores=chores).drain()
    assert chore.count == 0
