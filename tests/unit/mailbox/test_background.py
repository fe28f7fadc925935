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
    """A task that counts its runs: it returns the results in turn, then repeats the last."""

    def __init__(self, *results: float | BaseException) -> None:
        self.count = 0
        self._results = chain(results, repeat(results[-1]))

    def __call__(self) -> float:
        self.count += 1
        result = next(self._results)
        if isinstance(result, BaseException):
            raise result
        return result


def done(count: int, *tasks: Callable[[], float]) -> list[str]:
    """Run the tasks until the last one ran `count` times; return the log."""
    log: list[str] = []
    made = BackgroundTasks(
        [BackgroundTask(name="task", run=it, again_s=0) for it in tasks], log=log.append
    )
    with made.running() as start:
        start()
        wait_until(lambda: tasks[-1].count >= count)  # type: ignore[attr-defined]
    return log


def test_a_task_that_fails_is_reported_once_and_repeated() -> None:
    failing = [ValueError("a\x1b[2J"), ValueError("b"), OSError("c")]
    log = done(6, Counted(*failing, 0.0))
    assert log == ["task failed, retrying: a\\x1b[2J", "task works again"]


def test_tasks_do_not_wait_for_each_other() -> None:
    released = threading.Event()

    def hangs() -> float:
        assert released.wait(LONGEST_S)
        return LONGEST_S

    log: list[str] = []
    other = Counted(0.0)
    made = BackgroundTasks(
        [BackgroundTask(name="a", run=hangs), BackgroundTask(name="b", run=other)], log=log.append
    )
    with made.running() as start:
        start()
        wait_until(lambda: other.count > 2)
        released.set()
    assert log == []


@pytest.mark.parametrize("result", [0.0, LONGEST_S, processes.HostStops()])
def test_tasks_end_when_the_block_is_left(result: float | BaseException) -> None:
    task = Counted(result)
    before = threading.active_count()
    assert done(1, task) == []
    assert threading.active_count() <= before


def test_a_serving_worker_answers_while_a_background_task_hangs(
    layout: MailboxLayout, dispatcher: RecordingDispatcher
) -> None:
    begun, released = threading.Event(), threading.Event()

    def hangs() -> float:
        begun.set()
        assert released.wait(LONGEST_S)
        return LONGEST_S

    tasks = [BackgroundTask(name="hangs", run=hangs)]
    worker = Worker(layout, dispatcher, settings=SETTINGS, log=lambda _: None, tasks=tasks)
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


def test_a_draining_worker_runs_no_background_tasks(
    layout: MailboxLayout, dispatcher: RecordingDispatcher
) -> None:
    task = Counted(0.0)
    tasks = [BackgroundTask(name="task", run=task)]
    put(layout, "one")
    Worker(layout, dispatcher, settings=SETTINGS, log=lambda _: None, tasks=tasks).drain()
    assert task.count == 0
