"""One orchestrator's requests are taken in order, within its bounds, and handed to the pool."""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

from specify_cli import clock
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.mailbox.daily_quota import DailyQuota
from specify_cli.mailbox.executor import InProgress, KeyedExecutor
from specify_cli.mailbox.inbox import Backlog, Claim, Inbox, Landed
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.processor import Processor, Reading
from specify_cli.mailbox.queues import Queues, Waiting
from specify_cli.mailbox.settings import Orchestrator
from specify_cli.mailbox.workplace import WorkerContext

# How many of one orchestrator's requests are taken before the next orchestrator has its turn.
BATCH = 64
# How many of those past its bounds are looked at in one go: the rest is there at the next look.
PAST_BOUNDS = 1_000
# A listing is used up before the next, unless it grew older than this, or than ten times what it took.
LISTING_S = 1.0
# One thing in the way is no broken disk: a mount point, or what only its owner may move.
UNMOVABLE = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EXDEV})
# How many slow writers of one orchestrator are looked at again in one turn.
MOST_HALF_WRITTEN = 16
# A queue of the pool, which no mission has the name of.
_REPLIES = "/replies"
# How many things that cannot be taken the operator is told of.
TOLD = 100
UNNAMED = (
    "is no name that a request can be answered under: "
    "<correlation_id>.json, 1 to 128 of A-Z a-z 0-9 . _ -, no dot first, not 'worker'"
)


class Intake:
    """The mailbox of one orchestrator, seen by the worker's own thread."""

    def __init__(
        self,
        workplace: WorkerContext,
        inbox: Inbox,
        desk: Processor,
        *,
        orchestrator: Orchestrator,
        pool: KeyedExecutor,
        daily: DailyQuota,
    ) -> None:
        self.orchestrator = orchestrator
        self.inbox = inbox
        self._desk = desk
        self._pool = pool
        self._daily = daily
        self._settings = workplace.settings
        self._log = workplace.log
        self._recovered: deque[tuple[Claim, SpecKittyError | None]] = deque()
        self._half_written: Waiting[Claim] = Waiting()
        # What is answered at the end of the turn, all at once, and what has to wait for something before it in its queue.
        self._batch: Waiting[Reading] = Waiting()
        self._held_back: Queues[Reading] = Queues()
        self._batch_since = ""
        self._served: deque[Landed] = deque()
        self._past_bounds: deque[Landed] = deque()
        self._bound = ""
        self.unmovable = UnmovableFiles(self._settings.longest_pause_s)
        self._stale_at = 0.0
        # Whether the last turn left nothing: all that was found is in the pool, or answered.
        self.is_done = False

    @property
    def identity(self) -> str:
        """The orchestrator's name."""
        return self.orchestrator.identity

    def recover(self) -> None:
        """What an earlier worker, or a disk that refused, left half done is known.

        Nothing of the orchestrator may be in the pool. Raises: StorageFailed, OSError.
        """
        self._desk.sweep()
        self._half_written.clear()
        self._batch.clear()
        self._held_back.clear()
        self._served.clear()
        self._past_bounds.clear()
        self._stale_at = 0.0
        # Asked before the look: what is retired meanwhile is among them.
        answered = self._desk.answered()
        left = [it for it in self.inbox.recover() if it.claim_id not in answered]
        self._recovered = deque(self._bounded(left))

    @property
    def has_answered(self) -> bool:
        """Whether there is something for `retire_answered`."""
        return self._desk.has_answered

    def retire_answered(self) -> None:
        """The replies that were published by now are durable, and nothing else is left of their requests.

        Raises: StorageFailed, OSError.
        """
        self._desk.retire_answered()

    def drop_answered(self) -> None:
        """Nothing is left of the requests that were answered; for a mailbox that is gone. Raises: StorageFailed, OSError."""
        self._desk.drop_answered()

    def work(self, is_stopping: Callable[[], bool]) -> float:
        """Seconds until it is worth coming again; nought where more waits and can be taken.

        A batch is handed to the pool, oldest first, and what waits past the bounds is refused.

        Raises:
            SpecKittyError, OSError: an answer could not be recorded, or the disk failed.
        """
        for _ in range(min(len(self._half_written), MOST_HALF_WRITTEN)):
            self._hand_over(self._half_written.take())
        self._go_on_with_held_back()
        taken = 0
        while taken < BATCH and self._has_room(BATCH) and self._take_one(is_stopping):
            taken += 1
        has_answered = self._settle_batch()
        self._refuse_some(is_stopping)
        has_all = taken < BATCH and not self.has_work()
        self.is_done = has_all and not has_answered
        # What landed meanwhile is told of, or looked for at once.
        looks_at_once = has_answered and not (has_all and self.inbox.is_watched)
        if looks_at_once or (taken == BATCH and self._has_room(BATCH)):
            return 0.0
        settings = self._settings
        return settings.poll_interval_s if self.is_done else settings.look_again_s

    def has_work(self) -> bool:
        """Whether something was found that is not in the pool yet."""
        found = (self._half_written, self._recovered, self._served, self._past_bounds)
        return any(found) or self._held_back.count > 0

    def backlog(self) -> Backlog:
        """How much waits and is not answered; may be asked from another thread."""
        waiting = self.inbox.backlog()
        taken = self._pool.in_hand(self.identity)[0]
        here = len(self._half_written) + len(self._recovered) + len(self._batch)
        return Backlog(waiting.depth + taken + here + self._held_back.count, waiting.oldest)

    def begun(self) -> list[InProgress]:
        """Which requests were begun and are not answered, the oldest first; may be asked from another thread."""
        since = self._batch_since
        batch = [InProgress(name=it.claim.stem, since=since) for it in self._batch.all() if since]
        return [*batch, *self._pool.begun(self.identity)]

    def set_aside(self, landed: Landed, *, why: str) -> None:
        """What lies there is a dead letter, unless it cannot be moved.

        Raises:
            SpecKittyError, OSError: it could not be recorded.
        """
        try:
            self._desk.set_aside(landed.name, why=why)
        except OSError as error:
            self._bear(landed, error)

    # Taking.

    def _has_room(self, bound: int) -> bool:
        return self._pool.load(self.identity) < bound

    def _take_one(self, is_stopping: Callable[[], bool]) -> bool:
        # What was listed may have grown since.
        if self._in_hand()[1] >= self.orchestrator.max_waiting_bytes:
            return False
        if self._recovered and not is_stopping():
            claim, refusal = self._recovered[0]
            if refusal or not self._desk.brings_back(claim):
                self._hand_over(claim, refusal)
            self._recovered.popleft()
            return True
        if self._batch and not self._served:
            # What was taken is answered first.
            return False
        self._look_when_due()
        # Asked after the look, because what was found may have landed after the stop.
        if not self._served or is_stopping():
            return False
        self._take(self._served[0], self._daily.refusal())
        self._served.popleft()
        return True

    def _refuse_some(self, is_stopping: Callable[[], bool]) -> None:
        for _ in range(BATCH):
            # Twice the room: what is to be refused must not wait for what is served.
            if is_stopping() or not self._past_bounds or not self._has_room(2 * BATCH):
                return
            self._take(self._past_bounds[0], _too_much(self.orchestrator, self._bound))
            self._past_bounds.popleft()

    def _take(self, landed: Landed, refusal: SpecKittyError | None = None) -> None:
        try:
            stem = landed.stem
            if stem is None:
                self.set_aside(landed, why=f"'{ascii(landed.name)[1:-1]}' {UNNAMED}")
            elif (claim := self.inbox.claim(landed.name, stem, size=landed.size)) is not None:
                if refusal is None:
                    self._daily.add(self._cost(landed.size))
                self._hand_over(claim, refusal)
        except OSError as error:
            self._bear(landed, error)

    def _bear(self, landed: Landed, error: OSError) -> None:
        if error.errno not in UNMOVABLE:
            raise error
        if self.unmovable.note(landed):
            path = self.inbox.folder / landed.name
            self._log(printable(f"{path} cannot be taken and stays: {error.strerror}"))

    def _hand_over(self, claim: Claim, refusal: SpecKittyError | None = None) -> None:
        is_refused = refusal is not None
        reading = self._desk.read(claim, is_patient=not is_refused, keeps=not is_refused)
        if reading is None:
            self._half_written.append(claim, self._cost(claim.size))
        elif refusal is not None:
            self._put(reading, refusal)
        elif self._is_behind(reading):
            self._held_back.append(_queue_of(reading), reading, self._size_of(reading))
        else:
            self._begin(reading)

    def _is_behind(self, reading: Reading) -> bool:
        """Whether it has to wait for something that was written before it, in the same queue."""
        return self._held_back.has(_queue_of(reading)) or not self._may_begin(reading)

    def _may_begin(self, reading: Reading) -> bool:
        """The pool keeps the order of what is in it, and a batch that of its own; what is in one waits for the other."""
        queue = _queue_of(reading)
        if _is_batched(reading):
            return len(self._batch) < BATCH and not self._pool.has(self.identity, queue)
        return all(_queue_of(it) != queue for it in self._batch.all())

    def _begin(self, reading: Reading) -> None:
        if _is_batched(reading):
            self._batch.append(reading, self._size_of(reading))
        else:
            self._put(reading)

    def _go_on_with_held_back(self) -> None:
        for queue in self._held_back.names():
            while self._held_back.has(queue) and self._may_begin(self._held_back.first(queue)):
                self._begin(self._held_back.take(queue))

    def _put(self, reading: Reading, refusal: SpecKittyError | None = None) -> None:
        queue = "" if refusal is not None else _queue_of(reading)
        job = partial(self._desk.settle, reading, refusal)
        size = self._size_of(reading)
        self._pool.put(self.identity, queue, job, size=size, name=reading.claim.stem)

    def _size_of(self, reading: Reading) -> int:
        # It may have grown since it was listed.
        return self._cost(max(reading.claim.size, len(reading.raw)))

    def _settle_batch(self) -> bool:
        """Whether anything was taken for the batch: it is answered, or in the pool."""
        if not self._batch:
            return False
        self._batch_since = clock.timestamp()
        settled = self._desk.settle_batch(self._batch.all())
        for left in settled.left:
            self._put(left)
        if settled.undelivered:
            job = partial(self._desk.deliver, settled.undelivered)
            self._pool.put(self.identity, _REPLIES, job, size=0)
        self._batch.clear()
        self._batch_since = ""
        return True

    # Looking.

    def _look_when_due(self) -> None:
        is_used_up = not self._served and not self._past_bounds
        if is_used_up or time.monotonic() > self._stale_at:
            self._look()

    def _look(self) -> None:
        began = time.monotonic()
        bounds = self.orchestrator
        found = self.inbox.landed(bounds.max_waiting + PAST_BOUNDS)
        self.unmovable.keep_only(found)
        self._share_out([landed for landed in found if not self.unmovable.skips(landed)])
        ended = time.monotonic()
        self._stale_at = ended + max(LISTING_S, 10 * (ended - began))

    def _share_out(self, found: list[Landed]) -> None:
        """The oldest within the bounds are to be served, what came later is to be refused."""
        count, size = self._in_hand()
        self._served.clear()
        for landed in found:
            count, size = count + 1, size + self._cost(landed.size)
            if bound := self._passed(count, size):
                self._bound = bound
                break
            self._served.append(landed)
        self._past_bounds = deque(found[len(self._served) :])

    def _in_hand(self) -> tuple[int, int]:
        """How many requests were taken and are not answered, and how many bytes they hold."""
        count, size = self._pool.in_hand(self.identity)
        here, held_back = (self._half_written, self._batch), self._held_back
        count += sum(len(it) for it in here) + held_back.count
        return count, size + sum(it.bytes for it in here) + held_back.bytes

    def _bounded(self, claims: list[Claim]) -> Iterator[tuple[Claim, SpecKittyError | None]]:
        """Each claim, with its refusal where it is past the bounds.

        What is hidden in the inbox may have been put there under that name by whoever writes to it.
        What lies where only the host writes was taken within the bounds, and may have been carried out.
        """
        count = size = 0
        for claim in claims:
            count, size = count + 1, size + self._cost(claim.size)
            is_hidden = claim.path.parent == self.inbox.folder
            bound = self._passed(count, size) if is_hidden else ""
            yield claim, _too_much(self.orchestrator, bound) if bound else None

    def _passed(self, count: int, size: int) -> str:
        bounds = self.orchestrator
        if count > bounds.max_waiting:
            return f"{bounds.max_waiting} requests (max_waiting)"
        if size > bounds.max_waiting_bytes:
            return f"{bounds.max_waiting_bytes} bytes (max_waiting_bytes)"
        return ""

    def _cost(self, size: int) -> int:
        # More is never read of it, however large it claims to be.
        return min(size, self.orchestrator.max_request_bytes + 1)


class UnmovableFiles:
    """What the kernel will not let us take: tried again now and then, and told of once."""

    def __init__(self, again_s: float) -> None:
        self._again_s = again_s
        self._known: dict[Landed, float] = {}

    def note(self, landed: Landed) -> bool:
        """Whether this is new, and worth a line to the operator."""
        is_new = landed not in self._known
        self._known[landed] = time.monotonic() + self._again_s
        return is_new and len(self._known) <= TOLD

    def skips(self, landed: Landed) -> bool:
        """Whether it is not to be tried now."""
        return time.monotonic() < self._known.get(landed, 0.0)

    def keep_only(self, found: list[Landed]) -> None:
        """What is not there any more is forgotten."""
        if self._known:
            self._known = {landed: self._known[landed] for landed in found if landed in self._known}


def _is_batched(reading: Reading) -> bool:
    """What an earlier worker had kept may have been carried out: it is settled alone."""
    mission = reading.mission
    return mission is not None and mission.is_batched and not reading.claim.is_kept


def _queue_of(reading: Reading) -> str:
    return reading.mission.queue if reading.mission else ""


def _too_much(bounds: Orchestrator, bound: str) -> StorageFailed:
    return StorageFailed(
        f"the mailbox {bounds.identity} holds more than {bound} that wait; nothing was done: wait for"
        " answers, then ask again under a new id"
    )
