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
from tests.together import meet
from tests.unit.mailbox.recording import wait_until


@pytest.fixture
def bell() -> Iterator[Wakeup]:
    bell = Wakeup()
    yield bell
    bell.close()


@pytest.fixture
def pool(bell: Wakeup) -> Iterator[KeyedExecutor]:
    pool = KeyedExecutor(bell)
    yield pool
    pool.stop()


def test_one_queue_is_served_in_order_whatever_the_others_do(pool: KeyedExecutor) -> None:
    done: dict[str, list[int]] = {queue: [] for queue in "abcdefgh"}
    for number in range(200):
        for queue, order in done.items():
            pool.put("one", queue, partial(order.append, number), size=1)
    wait_until(pool.is_idle)
    assert all(order == list(range(200)) for order in done.values())
    assert pool.in_hand("one") == (0, 0)


def test_what_hangs_holds_up_its_own_queue_only(pool: KeyedExecutor) -> None:
    gate, passed = threading.Event(), threading.Event()
    order: list[str] = []
    pool.put("one", "a", lambda: _wait(gate), size=1)
    pool.put("one", "a", lambda: order.append("a"), size=1)
    pool.put("one", "b", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    assert order == []
    # Behind what hangs, they are no reason to take in less.
    wait_until(lambda: pool.load("one") == 0)
    assert pool.in_hand("one")[0] == 2
    gate.set()
    wait_until(pool.is_idle)
    assert order == ["a"]


def test_several_that_hang_hold_up_no_further_one_of_their_orchestrator(
    pool: KeyedExecutor,
) -> None:
    gate, passed = threading.Event(), threading.Event()
    for number in range(15):
        pool.put("one", str(number), lambda: _wait(gate), size=1)
    pool.put("one", "next", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    gate.set()
    wait_until(pool.is_idle)


def test_what_hangs_costs_its_own_orchestrator_alone(pool: KeyedExecutor) -> None:
    gate, passed = threading.Event(), threading.Event()
    for number in range(3 * SHARE):
        pool.put("hanging", str(number), lambda: _wait(gate), size=1)
    wait_until(lambda: len(pool.begun("hanging")) == SHARE)
    pool.put("other", "", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    assert len(pool.begun("hanging")) == SHARE
    gate.set()
    wait_until(pool.is_idle)


def test_there_is_always_a_thread_for_whoever_has_none(
    pool: KeyedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specify_cli.mailbox.executor.MOST_THREADS", 6)
    gate, passed = threading.Event(), threading.Event()
    crowd = [f"hanging-{number}" for number in range(10)]
    for identity in crowd:
        for number in range(SHARE):
            pool.put(identity, str(number), lambda: _wait(gate), size=1)
    wait_until(lambda: all(pool.begun(identity) for identity in crowd))
    assert sum(len(pool.begun(identity)) for identity in crowd) <= 6 + len(crowd)
    pool.put("other", "", passed.set, size=1)
    assert passed.wait(LONGEST_S)
    gate.set()
    wait_until(pool.is_idle)


def test_no_more_is_at_work_than_there_are_threads_for(
    pool: KeyedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specify_cli.mailbox.executor.SLOW_S", LONGEST_S)
    gate = threading.Event()
    for number in range(3 * THREADS):
        pool.put(str(number), "", lambda: _wait(gate), size=1)
    begun = [pool.begun(str(number)) for number in range(3 * THREADS)]
    wait_until(lambda: any(pool.begun("0")))
    assert sum(map(len, begun)) <= THREADS
    gate.set()
    wait_until(pool.is_idle)


def test_what_was_begun_is_known_by_name(pool: KeyedExecutor) -> None:
    gate = threading.Event()
    pool.put("one", "a", lambda: _wait(gate), size=1, name="first")
    pool.put("one", "a", lambda: None, size=1, name="second")
    wait_until(lambda: pool.begun("one"))
    (in_hand,) = pool.begun("one")
    assert in_hand.name == "first"
    assert in_hand.since <= clock.timestamp()
    gate.set()
    wait_until(pool.is_idle)
    assert pool.begun("one") == []


def test_the_orchestrators_take_turns_however_many_queues_one_has(
    pool: KeyedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("specify_cli.mailbox.executor.SLOW_S", LONGEST_S)
    gates = [threading.Event() for _ in range(THREADS)]
    order: list[str] = []
    begun: list[int] = []

    def hang(number: int) -> None:
        begun.append(number)
        _wait(gates[number])

    for number in range(THREADS):
        pool.put("first", str(number), partial(hang, number), size=1)
    wait_until(lambda: len(begun) == THREADS)
    for number in range(100):
        pool.put("flood", str(number), lambda: order.append("flood"), size=1)
    pool.put("single", "", lambda: order.append("single"), size=1)
    gates[0].set()
    wait_until(lambda: len(order) == 101)
    assert order.index("single") <= 1
    for gate in gates:
        gate.set()


def test_after_a_failure_nothing_more_of_that_orchestrator_is_begun(
    pool: KeyedExecutor, bell: Wakeup
) -> None:
    order: list[int] = []
    fails = [True]

    def settle() -> None:
        if fails.pop():
            raise StorageFailed("the disk is full")

    pool.put("one", "", settle, size=3)
    for number in range(3):
        pool.put("one", "", partial(order.append, number), size=1)
    assert bell.wait(LONGEST_S)
    assert isinstance(pool.failure("one"), StorageFailed)
    assert pool.in_hand("one") == (4, 6)
    pool.put("two", "", lambda: order.append(9), size=1)
    wait_until(pool.is_idle)
    assert order == [9]
    assert pool.forget("one")
    assert pool.failure("one") is None
    assert pool.in_hand("one") == (0, 0)


def test_what_still_runs_cannot_be_forgotten(pool: KeyedExecutor) -> None:
    gate, begun = threading.Event(), threading.Event()
    order: list[int] = []

    def settle() -> None:
        begun.set()
        _wait(gate)

    pool.put("one", "", settle, size=1)
    pool.put("one", "", lambda: order.append(1), size=1)
    assert begun.wait(LONGEST_S)
    assert not pool.forget("one")
    gate.set()
    wait_until(lambda: pool.forget("one"))
    wait_until(pool.is_idle)
    assert order == []


def test_a_stop_finishes_what_runs_and_begins_nothing(bell: Wakeup) -> None:
    pool = KeyedExecutor(bell)
    begun, order = threading.Event(), []

    def settle() -> None:
        begun.set()
        wait_until(stopping.is_alive)
        order.append("in hand")

    stopping = threading.Thread(target=pool.stop)
    pool.put("one", "", settle, size=1)
    pool.put("one", "", lambda: order.append("later"), size=1)
    assert begun.wait(LONGEST_S)
    stopping.start()
    stopping.join()
    assert order in (["in hand"], ["in hand", "later"])


def test_it_rings_when_it_was_asked_to_and_little_is_left(
    pool: KeyedExecutor, bell: Wakeup
) -> None:
    pool.put("one", "", lambda: None, size=1)
    wait_until(pool.is_idle)
    assert not bell.wait(0)
    pool.call_me()
    pool.put("one", "", lambda: None, size=1)
    assert bell.wait(LONGEST_S)


def _wait(gate: threading.Event) -> None:
    assert gate.wait(LONGEST_S)


def test_threads_look_at_what_is_in_hand_one_after_the_other(pool: KeyedExecutor) -> None:
    gate, begun = threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        _wait(gate)

    pool.put("one", "a", hang, size=1)
    assert begun.wait(LONGEST_S)
    have_met = meet(time, "monotonic", lambda: pool.load("one"))
    gate.set()
    assert not have_met
