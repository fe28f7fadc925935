"""A few threads serve many queues: each queue in order, the orchestrators in turn."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from specify_cli.mailbox.bell import Bell

THREADS = 4
LITTLE = 16
# A queue whose head takes longer may hang, and what waits behind it is no reason to take in less.
SLOW_S = 0.1

# Settles one request; raises where it could not, and then it is to be settled again.
Job = Callable[[], None]


@dataclass(slots=True)
class _Queue:
    jobs: deque[tuple[Job, int]] = field(default_factory=deque)
    # When its head was begun; None while it waits.
    since: float | None = None

    def is_slow(self) -> bool:
        return self.since is not None and time.monotonic() - self.since > SLOW_S


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


class Pool:
    """Four threads; `bell` rings when a job failed, and when `call_me` asked for it."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._lock = threading.Lock()
        self._shares: dict[str, _Share] = {}
        # Whoever has something ready, each once: the next free thread serves the first of them.
        self._turns: deque[str] = deque()
        self._is_called = False
        self._is_stopped = False
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="desk")

    def put(self, identity: str, queue: str, job: Job, *, size: int) -> None:
        """`job` will be done after everything put into the same queue of the orchestrator before."""
        with self._lock:
            share = self._shares.setdefault(identity, _Share())
            line = share.queues.setdefault(queue, _Queue())
            line.jobs.append((job, size))
            share.count += 1
            share.bytes += size
            if len(line.jobs) == 1:
                self._make_ready(identity, share, queue)

    def in_hand(self, identity: str) -> tuple[int, int]:
        """How many requests of the orchestrator are in hand, and how many bytes they hold."""
        with self._lock:
            share = self._shares.get(identity)
            return (0, 0) if share is None else (share.count, share.bytes)

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
        with self._lock:
            self._is_stopped = True
        self._threads.shutdown(wait=True, cancel_futures=True)
        return [share.failure for share in self._shares.values() if share.failure is not None]

    # With the lock held.

    def _make_ready(self, identity: str, share: _Share, queue: str) -> None:
        share.ready.append(queue)
        if identity not in self._turns:
            self._turns.append(identity)
        self._threads.submit(self._serve_one)

    def _next(self) -> tuple[str, _Share, str] | None:
        while self._turns:
            identity = self._turns.popleft()
            share = self._shares.get(identity)
            if share is None or not share.can_begin or not share.ready:
                continue
            queue = share.ready.popleft()
            if share.ready:
                self._turns.append(identity)
            share.running += 1
            share.queues[queue].since = time.monotonic()
            return identity, share, queue
        return None

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

    def _serve_one(self) -> None:
        with self._lock:
            found = self._next()
        if found is None:
            return
        identity, share, queue = found
        failure: BaseException | None = None
        try:
            share.queues[queue].jobs[0][0]()
        except BaseException as error:  # noqa: BLE001  the worker's own thread raises it again
            failure = error
        with self._lock:
            self._end(share, queue, failure)
            self._go_on(identity, share, queue)
            is_to_ring = self._is_called and share.load <= LITTLE
            is_to_ring = is_to_ring or not share.can_begin
        if is_to_ring:
            self._is_called = False
            self._bell.ring()
