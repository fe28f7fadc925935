"""Threads serve many queues: each queue in order, the orchestrators in turn, none at the cost of another."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from specify_cli import clock
from specify_cli.mailbox.wakeup import Wakeup

# How many requests are at work at a time; one that takes long is not counted: it waits for something.
THREADS = 4
# How many of one orchestrator are begun at a time, those that take long included. An agent can make every
# request about its mission take minutes: the orchestrator's other missions wait once so many do.
SHARE = 16
# How many are begun at a time in all; past it, one of each orchestrator that has none.
MOST_THREADS = 64
LITTLE = 16
# A queue whose head takes longer may hang, and what waits behind it is no reason to take in less.
SLOW_S = 0.1

# Settles one request; raises where it could not, and then it is to be settled again.
Job = Callable[[], None]


@dataclass(slots=True)
class _Queue:
    jobs: deque[tuple[Job, int, str]] = field(default_factory=deque)
    # When its head was begun, on both clocks; None while it waits.
    since: float | None = None
    begun_at: str = ""

    def is_slow(self) -> bool:
        return self.since is not None and time.monotonic() - self.since > SLOW_S

    def slow_in_s(self) -> float:
        """How long until its head, which was begun, takes long."""
        return 0.0 if self.since is None else max(0.0, self.since + SLOW_S - time.monotonic())


@dataclass(slots=True)
class _Share:
    """What one orchestrator has in hand."""

    queues: dict[str, _Queue] = field(default_factory=dict)
    # Names of the queues whose head can be begun, in the order in which they became so.
    ready: deque[str] = field(default_factory=deque)
    running: int = 0
    failure: BaseException | None = None
    is_over: bool = False
    count: int = 0
    bytes: int = 0
    done: int = 0

    @property
    def can_begin(self) -> bool:
        return self.failure is None and not self.is_over

    @property
    def load(self) -> int:
        return sum(len(line.jobs) for line in self.queues.values() if not line.is_slow())


@dataclass(frozen=True, slots=True, kw_only=True)
class InProgress:
    """A request that was begun and is not answered."""

    name: str
    since: str


class KeyedExecutor:
    """As many threads as have something to do; `bell` rings when a job failed, and for `call_me`."""

    def __init__(self, bell: Wakeup) -> None:
        self._bell = bell
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._shares: dict[str, _Share] = {}
        # Whoever has something ready, each once: the next free thread serves the first of them that
        # may begin something.
        self._turns: deque[str] = deque()
        # Those with a job, and those that wait for one.
        self._busy: dict[int, _Queue] = {}
        self._idle = 0
        self._is_called = False
        self._is_stopped = False

    def put(self, identity: str, queue: str, job: Job, *, size: int, name: str = "") -> None:
        """`job` will be done after everything put into the same queue of the orchestrator before.

        `name` is what it is called while it is in hand.
        """
        with self._lock:
            share = self._shares.setdefault(identity, _Share())
            line = share.queues.setdefault(queue, _Queue())
            line.jobs.append((job, size, name))
            share.count += 1
            share.bytes += size
            if len(line.jobs) == 1:
                self._make_ready(identity, share, queue)

    def has(self, identity: str, queue: str) -> bool:
        """Whether something in that queue of the orchestrator is not done."""
        with self._lock:
            share = self._shares.get(identity)
            return share is not None and queue in share.queues

    def in_hand(self, identity: str) -> tuple[int, int]:
        """How many requests of the orchestrator are in hand, and how many bytes they hold."""
        with self._lock:
            share = self._shares.get(identity)
            return (0, 0) if share is None else (share.count, share.bytes)

    def begun(self, identity: str) -> list[InProgress]:
        """Which requests of the orchestrator were begun and are not answered, the oldest first."""
        with self._lock:
            share = self._shares.get(identity)
            lines = [] if share is None else [it for it in share.queues.values() if it.since]
            lines.sort(key=lambda line: line.since or 0)
            return [InProgress(name=line.jobs[0][2], since=line.begun_at) for line in lines]

    def load(self, identity: str) -> int:
        """How many of them are not held up by a request that takes long."""
        with self._lock:
            share = self._shares.get(identity)
            return 0 if share is None else share.load

    def failure(self, identity: str) -> BaseException | None:
        """Why nothing more of the orchestrator is begun, until `forget`."""
        with self._lock:
            share = self._shares.get(identity)
            return None if share is None else share.failure

    def is_sound(self, identity: str) -> bool:
        """Whether since `forget` something was done, or there was nothing to do, and nothing failed."""
        with self._lock:
            share = self._shares.get(identity)
            return share is None or (share.failure is None and (share.done or not share.count) > 0)

    def forget(self, identity: str) -> bool:
        """Whether nothing of the orchestrator is in hand any more; False: something still runs."""
        with self._lock:
            share = self._shares.get(identity)
            if share is not None and share.running:
                share.is_over = True
                return False
            self._shares.pop(identity, None)
            return True

    def is_idle(self) -> bool:
        """Whether nothing is in hand that will still be done."""
        with self._lock:
            return not any(
                share.running or (share.count and share.can_begin)
                for share in self._shares.values()
            )

    def call_me(self) -> None:
        """The bell rings as soon as an orchestrator has little left in hand."""
        self._is_called = True

    def stop(self) -> list[BaseException]:
        """What runs was finished, nothing further begun; what failed and nobody has seen yet."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._busy)
        return [share.failure for share in self._shares.values() if share.failure is not None]

    # With the lock held.

    def _make_ready(self, identity: str, share: _Share, queue: str) -> None:
        share.ready.append(queue)
        if identity not in self._turns:
            self._turns.append(identity)
        self._call_a_thread()

    def _call_a_thread(self) -> None:
        if self._idle:
            self._changed.notify()
        elif not self._is_stopped:
            self._idle += 1
            # Nobody waits for a thread that hangs when the process ends.
            threading.Thread(target=self._serve, name="desk", daemon=True).start()

    def _next(self) -> tuple[str, _Share, str] | None:
        """What is to be begun now."""
        self._turns = deque(it for it in self._turns if self._is_ready(it))
        at_work = sum(not line.is_slow() for line in self._busy.values())
        if at_work >= THREADS or self._is_stopped:
            return None
        identity = next((it for it in self._turns if self._may_begin(self._shares[it])), None)
        if identity is None:
            return None
        self._turns.remove(identity)
        share = self._shares[identity]
        queue = share.ready.popleft()
        if share.ready:
            self._turns.append(identity)
            self._call_a_thread()
        share.running += 1
        share.queues[queue].since = time.monotonic()
        share.queues[queue].begun_at = clock.timestamp()
        return identity, share, queue

    def _is_ready(self, identity: str) -> bool:
        share = self._shares.get(identity)
        return share is not None and share.can_begin and bool(share.ready)

    def _may_begin(self, share: _Share) -> bool:
        is_room = len(self._busy) < MOST_THREADS or not share.running
        return share.running < SHARE and is_room

    def _wait_s(self) -> float | None:
        """How long until one that is at work takes long, and makes room; None: nothing waits."""
        return min((it.slow_in_s() or SLOW_S for it in self._busy.values()), default=None)

    def _end(self, share: _Share, queue: str, failure: BaseException | None) -> None:
        share.running -= 1
        share.failure = share.failure or failure
        line = share.queues[queue]
        line.since = None
        if failure is None:
            share.done += 1
            share.count -= 1
            share.bytes -= line.jobs.popleft()[1]

    def _go_on(self, identity: str, share: _Share, queue: str) -> None:
        if not share.queues[queue].jobs:
            del share.queues[queue]
        elif share.can_begin and not self._is_stopped:
            self._make_ready(identity, share, queue)

    # In the threads.

    def _serve(self) -> None:
        with self._changed:
            while not self._is_stopped and self._idle <= THREADS:
                found = self._next()
                if found is None:
                    self._changed.wait(self._wait_s() if self._turns else None)
                else:
                    self._begin(*found)
            self._idle -= 1

    def _begin(self, identity: str, share: _Share, queue: str) -> None:
        me, line = threading.get_ident(), share.queues[queue]
        self._idle -= 1
        self._busy[me] = line
        if self._turns:
            self._call_a_thread()  # Somebody has to see when this takes long.
        self._lock.release()
        failure: BaseException | None = None
        try:
            line.jobs[0][0]()
        except BaseException as error:  # noqa: BLE001  the worker's own thread raises it again
            failure = error
        self._lock.acquire()
        del self._busy[me]
        self._idle += 1
        self._end(share, queue, failure)
        self._go_on(identity, share, queue)
        if self._is_stopped:
            self._changed.notify_all()
        is_to_ring = self._is_called and share.load <= LITTLE
        if is_to_ring or not share.can_begin:
            self._is_called = False
            self._bell.ring()
