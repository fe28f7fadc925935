from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.mailbox.executor import SHARE, THREADS, KeyedExecutor
from specify_cli.mailbox.wakeup import Wakeup
from tests.patience import LONGEST_S
from tests.threads import none_can_start
from tests.together import meet
from tests.unit.mailbox.recording import wait_until


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    wakeup = Wakeup()
    yield wakeup
    wakeup.close()


@pytest.fixture
def executor(wakeup: Wakeup) -> Iterator[KeyedExecutor]:
    executor = KeyedExecutor(wakeup)
    yield executor
    executor.stop()


def test_each_queue_runs_in_order(executor: KeyedExecutor) -> None:
    done: dict[str, list[int]] = {queue: [] for queue in "abcdefgh"}
    for number in range(200):
        for queue, order in done.items():
            executor.put("one", queue, partial(order.append, number), size=1)
    wait_until(executor.is_idle)
    assert all(order == list(range(200)) for order in done.values())
    assert executor.pending("one") == (0, 0)


def test_a_hanging_job_delays_only_its_own_queue(executor: KeyedExecutor) -> None:
    gate, passed = threading.Event(), threading.Event()
    order: list[str] = []
    executor.put("one", "a", lambda: _wait(gate), size=1)
    executor.put("one", "a", lambda: order.append("a"), size=1)
    executor.put("one", "b", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    assert order == []
    # Jobs behind a hanging one do not reduce the intake.
    wait_until(lambda: (executor.load("one"), executor.pending("one")[0]) == (0, 2))
    gate.set()
    wait_until(executor.is_idle)
    assert order == ["a"]


def test_hanging_jobs_do_not_delay_other_queues_of_their_orchestrator(
    executor: KeyedExecutor,
) -> None:
    gate, passed = threading.Event(), threading.Event()
    for number in range(15):
        executor.put("one", str(number), lambda: _wait(gate), size=1)
    executor.put("one", "next", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    gate.set()
    wait_until(executor.is_idle)


def test_hanging_jobs_use_up_only_the_share_of_their_orchestrator(executor: KeyedExecutor) -> None:
    gate, passed = threading.Event(), threading.Event()
    for number in range(3 * SHARE):
        executor.put("hanging", str(number), lambda: _wait(gate), size=1)
    wait_until(lambda: len(executor.in_progress("hanging")) == SHARE)
    executor.put("other", "", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    assert len(executor.in_progress("hanging")) == SHARE
    gate.set()
    wait_until(executor.is_idle)


def test_an_orchestrator_without_a_running_job_always_gets_a_thread(
    executor: KeyedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specify_cli.mailbox.executor.MOST_THREADS", 6)
    gate, passed = threading.Event(), threading.Event()
    crowd = [f"hanging-{number}" for number in range(10)]
    for identity in crowd:
        for number in range(SHARE):
            executor.put(identity, str(number), lambda: _wait(gate), size=1)
    wait_until(lambda: all(executor.in_progress(identity) for identity in crowd))
    assert sum(len(executor.in_progress(identity)) for identity in crowd) <= 6 + len(crowd)
    executor.put("other", "", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    gate.set()
    wait_until(executor.is_idle)


def test_the_number_of_running_jobs_is_limited(
    executor: KeyedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specify_cli.mailbox.executor.SLOW_S", LONGEST_S)
    gate = threading.Event()
    for number in range(3 * THREADS):
        executor.put(str(number), "", lambda: _wait(gate), size=1)
    begun = [executor.in_progress(str(number)) for number in range(3 * THREADS)]
    wait_until(lambda: any(executor.in_progress("0")))
    assert sum(map(len, begun)) <= THREADS
    gate.set()
    wait_until(executor.is_idle)


def test_jobs_in_progress_are_listed_by_name(executor: KeyedExecutor) -> None:
    gate = threading.Event()
    executor.put("one", "a", lambda: _wait(gate), size=1, name="first")
    executor.put("one", "a", lambda: None, size=1, name="second")
    wait_until(lambda: executor.in_progress("one"))
    (pending,) = executor.in_progress("one")
    assert pending.name == "first"
    assert pending.since <= clock.timestamp()
    gate.set()
    wait_until(executor.is_idle)
    assert executor.in_progress("one") == []


def test_the_orchestrators_take_turns_however_many_queues_one_has(
    executor: KeyedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specify_cli.mailbox.executor.SLOW_S", LONGEST_S)
    gates = [threading.Event() for _ in range(THREADS)]
    order: list[str] = []
    begun: list[int] = []

    def hang(number: int) -> None:
        begun.append(number)
        _wait(gates[number])

    for number in range(THREADS):
        executor.put("first", str(number), partial(hang, number), size=1)
    wait_until(lambda: len(begun) == THREADS)
    for number in range(100):
        executor.put("flood", str(number), lambda: order.append("flood"), size=1)
    executor.put("single", "", lambda: order.append("single"), size=1)
    gates[0].set()
    wait_until(lambda: len(order) == 101)
    assert order.index("single") <= 1
    for gate in gates:
        gate.set()


def test_after_a_failure_no_job_of_that_orchestrator_begins(
    executor: KeyedExecutor, wakeup: Wakeup
) -> None:
    order: list[int] = []
    fails = [True]

    def process() -> None:
        if fails.pop():
            raise StorageFailed("the disk is full")

    executor.put("one", "", process, size=3)
    for number in range(3):
        executor.put("one", "", partial(order.append, number), size=1)
    assert wakeup.wait(LONGEST_S)
    assert isinstance(executor.failure("one"), StorageFailed)
    assert executor.pending("one") == (4, 6)
    executor.put("two", "", lambda: order.append(9), size=1)
    wait_until(executor.is_idle)
    assert order == [9]
    assert executor.forget("one")
    assert executor.failure("one") is None
    assert executor.pending("one") == (0, 0)


def test_an_orchestrator_with_a_running_job_cannot_be_forgotten(executor: KeyedExecutor) -> None:
    gate, begun = threading.Event(), threading.Event()
    order: list[int] = []

    def process() -> None:
        begun.set()
        _wait(gate)

    executor.put("one", "", process, size=1)
    executor.put("one", "", lambda: order.append(1), size=1)
    assert begun.wait(LONGEST_S)
    assert not executor.forget("one")
    gate.set()
    wait_until(lambda: executor.forget("one"))
    wait_until(executor.is_idle)
    assert order == []


def test_stop_finishes_running_jobs_and_begins_none(wakeup: Wakeup) -> None:
    executor = KeyedExecutor(wakeup)
    begun, order = threading.Event(), []

    def process() -> None:
        begun.set()
        wait_until(stopping.is_alive)
        order.append("in hand")

    stopping = threading.Thread(target=executor.stop)
    executor.put("one", "", process, size=1)
    executor.put("one", "", lambda: order.append("later"), size=1)
    assert begun.wait(LONGEST_S)
    stopping.start()
    stopping.join()
    assert order in (["in hand"], ["in hand", "later"])


def test_stop_waits_only_so_long_for_a_job_that_hangs(executor: KeyedExecutor) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        _wait(gate)

    executor.put("one", "", hang, size=1, name="in hand")
    assert begun.wait(LONGEST_S)
    assert executor.stop(0.0) == []
    assert [it.name for it in executor.in_progress("one")] == ["in hand"]
    gate.set()
    executor.stop()
    assert not executor.in_progress("one")


def test_the_loop_is_woken_when_the_load_is_low(executor: KeyedExecutor, wakeup: Wakeup) -> None:
    executor.put("one", "", lambda: None, size=1)
    wait_until(executor.is_idle)
    assert not wakeup.wait(0)
    executor.notify_when_low()
    executor.put("one", "", lambda: None, size=1)
    assert wakeup.wait(LONGEST_S)


def _wait(gate: threading.Event) -> None:
    assert gate.wait(LONGEST_S)


def test_threads_read_the_pending_jobs_one_at_a_time(executor: KeyedExecutor) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        _wait(gate)

    executor.put("one", "a", hang, size=1)
    assert begun.wait(LONGEST_S)
    have_met = meet(time, "monotonic", lambda: executor.load("one"))
    gate.set()
    assert not have_met


def test_it_goes_on_when_the_system_can_start_threads_again(executor: KeyedExecutor) -> None:
    gate, begun = threading.Event(), threading.Event()
    order: list[str] = []
    with none_can_start(), pytest.raises(StorageFailed, match="no further thread"):
        executor.put("one", "a", lambda: order.append("never"), size=1)
    assert executor.forget("one")

    def hang() -> None:
        begun.set()
        _wait(gate)

    executor.put("one", "a", hang, size=1)
    assert begun.wait(LONGEST_S)
    with none_can_start():
        executor.put("one", "b", lambda: order.append("b"), size=1)
    gate.set()
    wait_until(executor.is_idle)
    assert order == ["b"]
