from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from specify_cli.mailbox import loop_threads
from specify_cli.mailbox.loop_threads import LoopThreads, Turn
from specify_cli.mailbox.wakeup import Wakeup
from tests.patience import wait_until
from tests.threads import none_can_start


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_threads, "TAKE_OVER_AFTER_S", 0.0)


@contextmanager
def running(threads: LoopThreads, loop: Callable[[], None]) -> Iterator[None]:
    """The threads run `loop` in the background; they have ended at the end of the block."""
    thread = threading.Thread(target=threads.run, args=(loop,), daemon=True)
    thread.start()
    yield
    wait_until(lambda: not thread.is_alive())
    threads.join()


def take_over_until(threads: LoopThreads, condition: Callable[[], bool]) -> None:
    def look() -> bool:
        threads.take_over()
        return condition()

    wait_until(look)


def fail() -> None:
    raise OSError("the disk failed")


def test_another_thread_takes_over_from_a_turn_that_hangs() -> None:
    threads, answered = LoopThreads(Wakeup()), threading.Event()
    steps: list[str] = []

    def hang() -> None:
        answered.wait()
        fail()

    def loop() -> None:
        if not threads.is_hanging("slow"):
            threads.turn("slow", hang)
            steps.append("the thread that hung goes on")
        assert threads.turn("fast", lambda: "done") == "done"
        turn = threads.taken_over("slow")
        assert turn is not None
        assert not turn.is_over
        answered.set()
        wait_until(lambda: turn.is_over)
        steps.append(str(turn.error))
        # Only then may others use what belongs to the mailbox.
        assert threads.is_hanging("slow")
        assert threads.taken_over("slow") is turn
        assert threads.taken_over("slow") is None
        assert not threads.is_hanging("slow")

    with running(threads, loop):
        take_over_until(threads, lambda: threads.is_hanging("slow"))
    assert steps == ["the disk failed"]


def test_a_loop_that_fails_ends_with_its_error() -> None:
    threads = LoopThreads(Wakeup())
    with pytest.raises(OSError, match="the disk failed"):
        threads.run(lambda: threads.turn("one", fail))


def test_a_turn_does_not_end_while_another_thread_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads, answered, ended = LoopThreads(Wakeup()), threading.Event(), threading.Event()

    def age_s(_: Turn) -> float:
        answered.set()
        assert not ended.wait(0.05)
        return 1.0

    def loop() -> None:
        if not threads.is_hanging("slow") and threads.taken_over("slow") is None:
            try:
                threads.turn("slow", answered.wait)
            finally:
                ended.set()

    monkeypatch.setattr(Turn, "age_s", property(age_s))
    with running(threads, loop):
        take_over_until(threads, answered.is_set)
        wait_until(ended.is_set)


def test_few_threads_hang_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_threads, "MOST_HANGING", 2)
    threads, answered = LoopThreads(Wakeup()), threading.Event()
    begun: list[str] = []

    def hang() -> None:
        begun.append(name := str(len(begun)))
        threads.turn(name, answered.wait)

    with running(threads, hang):
        take_over_until(threads, lambda: len(begun) == 3)
        threads.take_over()
        answered.set()
    assert len(begun) == 3


def test_the_thread_goes_on_if_the_system_starts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, answered = LoopThreads(Wakeup()), threading.Event()
    done: list[bool] = []

    def loop() -> None:
        threads.turn("slow", answered.wait)
        done.append(threads.is_hanging("slow"))

    monkeypatch.setattr(Turn, "age_s", 1.0)
    with running(threads, loop):
        wait_until(lambda: threads._turn is not None)
        with none_can_start():
            threads.take_over()
        answered.set()
    assert done == [False]
