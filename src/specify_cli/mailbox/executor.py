"""A thread pool with one queue per key: each queue runs in order, and the orchestrators take turns."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from specify_cli import clock
from specify_cli.errors import StorageFailed
from specify_cli.mailbox.wakeup import Wakeup

# How many jobs run at the same time. A slow job is not counted, because it waits for something.
THREADS = 4
# How many jobs of one orchestrator run at the same time, slow ones included. An agent can make every
# request about its mission take minutes; the orchestrator's other missions then wait once this many run.
SHARE = 16
# How many jobs run in total. Beyond it, an orchestrator without a running job still gets one.
MOST_THREADS = 64
# An orchestrator's load is low when it has this many jobs or fewer.
LOW_LOAD = 16
# A job that runs longer is slow: it may hang, and the jobs behind it do not count as load.
SLOW_S = 0.1

_NO_THREAD: Final = "the system starts no further thread: raise its limit (pids.max, 'ulimit -u')"

# Processes one request. If it raises, the request has to be processed again.
Job = Callable[[], None]


@dataclass(slots=True)
class _Queue:
    """The jobs of one queue. `since` and `begun_at` say when the first one began, `since` on the monotonic clock."""

    jobs: deque[tuple[Job, int, str]] = field(default_factory=deque)
    since: float | None = None
    begun_at: str = ""

    def is_slow(self) -> bool:
        return self.since is not None and time.monotonic() - self.since > SLOW_S

    def slow_in_s(self) -> float:
        """Return the seconds until the running job becomes slow."""
        return 0.0 if self.since is None else max(0.0, self.since + SLOW_S - time.monotonic())


@dataclass(slots=True)
class _Tenant:
    """The queues of one orchestrator.

    Attributes:
        ready: Names of the queues whose first job can begin, in the order in which they became ready.
        is_over: Whether nothing more is begun, because the orchestrator will be forgotten.
        done: How many jobs succeeded.
    """

    queues: dict[str, _Queue] = field(default_factory=dict)
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
        return sum(len(queue.jobs) for queue in self.queues.values() if not queue.is_slow())


@dataclass(frozen=True, slots=True, kw_only=True)
class InProgress:
    """A request whose processing began and that is not answered yet."""

    name: str
    since: str


class KeyedExecutor:
    """Runs jobs in as many threads as needed.

    Sets `wakeup` when a job fails, and when a load that `notify_when_low` asked about is low; after
    each job while `notifies_always` is set.
    """

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._tenants: dict[str, _Tenant] = {}
        # Orchestrators with a ready queue, each once. The next free thread serves the first one that
        # may begin a job.
        self._turns: deque[str] = deque()
        # The queues of the running jobs by thread, and the number of threads that wait for a job.
        self._busy: dict[int, _Queue] = {}
        self._idle = 0
        self._notifies = False
        self.notifies_always = False
        self._is_stopped = False

    def put(self, identity: str, queue: str, job: Job, *, size: int, name: str = "") -> None:
        """Run `job` after all earlier jobs of the same queue of the orchestrator.

        `name` identifies the job while it is in progress.

        Raises:
            StorageFailed: the system starts no thread for it.
        """
        with self._lock:
            tenant = self._tenants.setdefault(identity, _Tenant())
            jobs = tenant.queues.setdefault(queue, _Queue()).jobs
            jobs.append((job, size, name))
            tenant.count += 1
            tenant.bytes += size
            if len(jobs) == 1:
                self._make_ready(identity, tenant, queue)

    def has(self, identity: str, queue: str) -> bool:
        """Return whether a job of this queue of the orchestrator is not done."""
        with self._lock:
            tenant = self._tenants.get(identity)
            return tenant is not None and queue in tenant.queues

    def pending(self, identity: str) -> tuple[int, int]:
        """Return how many jobs of the orchestrator are not done, and their bytes."""
        with self._lock:
            tenant = self._tenants.get(identity)
            return (0, 0) if tenant is None else (tenant.count, tenant.bytes)

    def in_progress(self, identity: str) -> list[InProgress]:
        """Return the running jobs of the orchestrator, oldest first."""
        with self._lock:
            tenant = self._tenants.get(identity)
            queues = [] if tenant is None else [it for it in tenant.queues.values() if it.since]
            queues.sort(key=lambda queue: queue.since or 0)
            return [InProgress(name=it.jobs[0][2], since=it.begun_at) for it in queues]

    def load(self, identity: str) -> int:
        """Return how many jobs of the orchestrator are not in a queue with a slow job."""
        with self._lock:
            tenant = self._tenants.get(identity)
            return 0 if tenant is None else tenant.load

    def failure(self, identity: str) -> BaseException | None:
        """Return the error after which no job of the orchestrator begins until `forget`."""
        with self._lock:
            tenant = self._tenants.get(identity)
            return None if tenant is None else tenant.failure

    def is_sound(self, identity: str) -> bool:
        """Return whether no job failed since `forget`, and one succeeded or there was none."""
        with self._lock:
            tenant = self._tenants.get(identity)
            return tenant is None or (
                tenant.failure is None and (tenant.done > 0 or tenant.count == 0)
            )

    def forget(self, identity: str) -> bool:
        """Discard the orchestrator's jobs; return False if one still runs. No further one begins."""
        with self._lock:
            tenant = self._tenants.get(identity)
            if tenant is not None and tenant.running:
                tenant.is_over = True
                return False
            self._tenants.pop(identity, None)
            return True

    def is_idle(self) -> bool:
        """Return whether no job runs or can begin."""
        with self._lock:
            return not any(
                tenant.running or (tenant.count and tenant.can_begin)
                for tenant in self._tenants.values()
            )

    def notify_when_low(self) -> None:
        """Set the wakeup once, as soon as the load of an orchestrator is low."""
        self._notifies = True

    def stop(self, within_s: float | None = None) -> list[BaseException]:
        """Finish the running jobs, at most for so long, and begin no further ones; return the errors."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._busy, within_s)
        return [it.failure for it in self._tenants.values() if it.failure is not None]

    # The following methods need the lock.

    def _make_ready(self, identity: str, tenant: _Tenant, queue: str) -> None:
        tenant.ready.append(queue)
        if identity not in self._turns:
            self._turns.append(identity)
        self._call_a_thread()

    def _call_a_thread(self) -> None:
        if self._idle:
            self._changed.notify()
        elif not self._is_stopped:
            self._idle += 1
            # A daemon, so that a job that hangs does not keep the process from ending.
            try:
                threading.Thread(target=self._serve, name="executor", daemon=True).start()
            except RuntimeError as error:
                self._idle -= 1
                # A busy thread begins the job after its own.
                if not self._busy:
                    raise StorageFailed(_NO_THREAD) from error

    def _next(self) -> tuple[str, _Tenant, str] | None:
        """Choose the job to begin now: its orchestrator and the name of its queue."""
        self._turns = deque(it for it in self._turns if self._is_ready(it))
        active = sum(not queue.is_slow() for queue in self._busy.values())
        if active >= THREADS or self._is_stopped:
            return None
        identity = next((it for it in self._turns if self._may_begin(self._tenants[it])), None)
        if identity is None:
            return None
        self._turns.remove(identity)
        tenant = self._tenants[identity]
        name = tenant.ready.popleft()
        if tenant.ready:
            self._turns.append(identity)
            self._call_a_thread()
        tenant.running += 1
        tenant.queues[name].since = time.monotonic()
        tenant.queues[name].begun_at = clock.timestamp()
        return identity, tenant, name

    def _is_ready(self, identity: str) -> bool:
        tenant = self._tenants.get(identity)
        return tenant is not None and tenant.can_begin and bool(tenant.ready)

    def _may_begin(self, tenant: _Tenant) -> bool:
        has_thread = len(self._busy) < MOST_THREADS or not tenant.running
        return tenant.running < SHARE and has_thread

    def _wait_s(self) -> float | None:
        """Return the seconds until a running job becomes slow and another may begin; None if none runs."""
        return min((it.slow_in_s() or SLOW_S for it in self._busy.values()), default=None)

    def _end(
        self, identity: str, tenant: _Tenant, name: str, *, failure: BaseException | None
    ) -> None:
        tenant.running -= 1
        tenant.failure = tenant.failure or failure
        queue = tenant.queues[name]
        queue.since = None
        if failure is None:
            tenant.done += 1
            tenant.count -= 1
            tenant.bytes -= queue.jobs.popleft()[1]
        if not queue.jobs:
            del tenant.queues[name]
        elif tenant.can_begin and not self._is_stopped:
            self._make_ready(identity, tenant, name)

    # The following methods run in the pool's threads.

    def _serve(self) -> None:
        with self._changed:
            while not self._is_stopped and self._idle <= THREADS:
                found = self._next()
                if found is None:
                    self._changed.wait(self._wait_s() if self._turns else None)
                else:
                    self._run(*found)
            self._idle -= 1

    def _run(self, identity: str, tenant: _Tenant, name: str) -> None:
        thread, queue = threading.get_ident(), tenant.queues[name]
        self._idle -= 1
        self._busy[thread] = queue
        if self._turns:
            self._call_a_thread()  # It begins the next job when this one becomes slow.
        self._lock.release()
        failure: BaseException | None = None
        try:
            queue.jobs[0][0]()
        except BaseException as error:  # noqa: BLE001  the worker's main loop raises it again
            failure = error
        self._lock.acquire()
        del self._busy[thread]
        self._idle += 1
        self._end(identity, tenant, name, failure=failure)
        if self._is_stopped:
            self._changed.notify_all()
        is_low = self._notifies and tenant.load <= LOW_LOAD
        if is_low or self.notifies_always or not tenant.can_begin:
            self._notifies = False
            self._wakeup.wake()
