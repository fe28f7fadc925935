"""Take the requests of one orchestrator in order, within its limits, and start their processing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from specify_cli import clock
from specify_cli.errors import SpecKittyError
from specify_cli.mailbox.claims import Claim
from specify_cli.mailbox.daily_quota import DailyQuota
from specify_cli.mailbox.executor import InProgress, KeyedExecutor
from specify_cli.mailbox.inbox import INVALID_NAME, Backlog, Inbox, Landed
from specify_cli.mailbox.inbox_listing import InboxListing
from specify_cli.mailbox.parked_reads import ParkedReads
from specify_cli.mailbox.processor import Processor, Reading
from specify_cli.mailbox.queues import Queues, SizedQueue
from specify_cli.mailbox.settings import Orchestrator, WorkerContext
from specify_cli.mailbox.unmovable_files import UNMOVABLE, UnmovableFiles, unmovable_line
from specify_cli.mailbox.waiting_limits import WaitingLimits

# How many requests of one orchestrator are taken before the next orchestrator has its turn.
BATCH = 64
# How many requests beyond the limits one listing returns. The next listing finds the others.
BEYOND_LIMITS = 1_000
# How many half-written requests of one orchestrator are read again in one turn.
MOST_HALF_WRITTEN = 16
_REPLIES = "/replies"  # A queue of the executor, which cannot be the name of a mission.


class Intake:
    """The mailbox of one orchestrator. Only the worker's main loop takes requests from it.

    Attributes:
        answered: The claims whose replies were published.
        parked: The reads that wait for a change.
        unmovable: The entries that cannot be moved out of the inbox.
        is_done: Whether the last turn left nothing: all that it found is answered or in the executor.
    """

    def __init__(
        self,
        context: WorkerContext,
        inbox: Inbox,
        processor: Processor,
        *,
        orchestrator: Orchestrator,
        executor: KeyedExecutor,
        daily: DailyQuota,
    ) -> None:
        self.identity = orchestrator.identity
        self.orchestrator = orchestrator
        self.inbox = inbox
        self.answered = processor.answered
        self.parked = ParkedReads(context.dispatcher.newest)
        report = partial(context.status.unmovable, self.identity)
        self.unmovable = UnmovableFiles(context.settings.longest_pause_s, report=report)
        self.is_done = False
        self._processor = processor
        self._executor = executor
        self._daily = daily
        self._limits = WaitingLimits(orchestrator)
        self._settings = context.settings
        self._log = context.log
        self._recovered: deque[tuple[Claim, SpecKittyError | None]] = deque()
        self._half_written: SizedQueue[Claim] = SizedQueue()
        # Answered together at the end of the turn.
        self._batch: SizedQueue[Reading] = SizedQueue()
        self._batch_since = ""
        self._can_wait = False
        # Requests that wait for an earlier one of the same queue.
        self._held_back: Queues[Reading] = Queues()
        self._listing = InboxListing(inbox, self._limits, unmovable=self.unmovable)

    def regrant(self, orchestrator: Orchestrator) -> None:
        """Apply the limits of the orchestrator to all that is not in progress."""
        self.orchestrator = self._limits.orchestrator = self._processor.orchestrator = orchestrator

    def recover(self) -> None:
        """Find the claims that an earlier worker, or a failed disk, left unanswered.

        Nothing of the orchestrator may be in the executor.

        Raises:
            StorageFailed, OSError: the disk failed.
        """
        self._processor.sweep()
        self._processor.to_park.clear()
        self.parked.clear()
        self._half_written.clear()
        self._batch.clear()
        self._held_back.clear()
        self._listing.clear()
        # Read before the claims: another thread may retire some of them meanwhile.
        answered = self.answered.ids()
        left = [it for it in self.inbox.recover() if it.claim_id not in answered]
        self._recovered = deque(self._limits.of_recovered(left, self.inbox.folder))

    def work(self, is_stopping: Callable[[], bool], *, can_wait: bool = False) -> float:
        """Take one batch, oldest first, and refuse requests beyond the limits; reads may be parked if they `can_wait`.

        Returns:
            Seconds until the next turn; 0 if more requests can be taken now.

        Raises:
            SpecKittyError: an answer could not be recorded.
            OSError: the disk failed.
        """
        self._can_wait = can_wait
        self._park()
        for due in self.parked.due():
            # Not in the order of its queue: it holds back no other request.
            self._batch.append(due, self._size_of(due))
        for _ in range(min(len(self._half_written), MOST_HALF_WRITTEN)):
            self._start(self._half_written.take(), can_wait=can_wait)
        for queue in self._held_back.names():
            while self._held_back.has(queue) and self._may_begin(self._held_back.first(queue)):
                self._begin(self._held_back.take(queue))
        taken = 0
        while taken < BATCH and self._has_room(BATCH) and self._take_one(is_stopping):
            taken += 1
        has_answered = self._process_batch()
        self._refuse_excess(is_stopping)
        has_all = taken < BATCH and not self.has_work()
        self.is_done = has_all and not has_answered
        # If the inbox is watched, an event reports what landed during the batch. Otherwise list it now.
        looks_at_once = has_answered and not (has_all and self.inbox.is_watched)
        if looks_at_once or (taken == BATCH and self._has_room(BATCH)):
            return 0.0
        settings = self._settings
        return settings.poll_interval_s if self.is_done else settings.look_again_s

    def has_work(self) -> bool:
        """Return whether requests were found that are not in the executor yet."""
        found = (self._half_written, self._recovered, self._listing.accepted, self._listing.excess)
        return any(found) or self._held_back.count > 0

    def backlog(self) -> Backlog:
        """Return how many requests are not answered; may be called from another thread."""
        waiting = self.inbox.backlog()
        taken = self._executor.pending(self.identity)[0]
        here = len(self._half_written) + len(self._recovered) + len(self._batch)
        return Backlog(waiting.depth + taken + here + self._held_back.count, waiting.oldest)

    def in_progress(self) -> list[InProgress]:
        """Return the requests in progress, oldest first; may be called from another thread."""
        since = self._batch_since
        batch = [InProgress(name=it.claim.stem, since=since) for it in self._batch.all() if since]
        return [*batch, *self._executor.in_progress(self.identity)]

    def set_aside(self, landed: Landed, *, why: str) -> None:
        """Make an entry of the inbox a dead letter, unless it cannot be moved.

        Raises:
            SpecKittyError: it could not be recorded.
            OSError: the disk failed.
        """
        try:
            self._processor.set_aside(landed.name, why=why)
        except OSError as error:
            self._note_unmovable(landed, error)

    # Take requests from the inbox.

    def _has_room(self, limit: int) -> bool:
        return self._executor.load(self.identity) < limit

    def _take_one(self, is_stopping: Callable[[], bool]) -> bool:
        # Requests may have grown since they were listed.
        if self._unanswered()[1] >= self.orchestrator.max_waiting_bytes:
            return False
        if self._recovered and not is_stopping():
            claim, refusal = self._recovered[0]
            if refusal or not self._processor.republish_recorded(claim):
                self._start(claim, refusal)
            self._recovered.popleft()
            return True
        if self._batch and not self._listing.accepted:
            # Answer the batch before the next listing.
            return False
        if self._listing.is_due:
            most = self.orchestrator.max_waiting + BEYOND_LIMITS
            self._listing.refresh(*self._unanswered(), most=most)
        # Checked after the listing, which may include requests that landed after the stop.
        if not self._listing.accepted or is_stopping():
            return False
        self._take(self._listing.accepted[0], self._daily.refusal())
        self._listing.accepted.popleft()
        return True

    def _refuse_excess(self, is_stopping: Callable[[], bool]) -> None:
        for _ in range(BATCH):
            # Twice the room, so that refusals do not wait for accepted requests.
            if is_stopping() or not self._listing.excess or not self._has_room(2 * BATCH):
                return
            self._take(self._listing.excess[0], self._limits.refusal(self._listing.exceeded))
            self._listing.excess.popleft()

    def _take(self, landed: Landed, refusal: SpecKittyError | None) -> None:
        try:
            stem = landed.stem
            if stem is None:
                self.set_aside(landed, why=f"'{ascii(landed.name)[1:-1]}' {INVALID_NAME}")
                return
            claim = self.inbox.claim(landed.name, stem, size=landed.size, landed_ns=landed.ctime_ns)
            if claim is not None:
                if refusal is None:
                    self._daily.add(self._limits.cost(landed.size))
                for reading in self.parked.take(stem):
                    self._batch.append(reading, self._size_of(reading))
                    self._process_batch()
                self._start(claim, refusal, can_wait=self._can_wait)
        except OSError as error:
            self._note_unmovable(landed, error)

    def _note_unmovable(self, landed: Landed, error: OSError) -> None:
        if error.errno not in UNMOVABLE:
            raise error
        line = unmovable_line(self.inbox.folder / landed.name, self.identity, error)
        if self.unmovable.note(landed, str(line)):
            self._log(line)

    # Start the processing of a claim.

    def _start(
        self, claim: Claim, refusal: SpecKittyError | None = None, *, can_wait: bool = False
    ) -> None:
        is_valid = refusal is None
        reading = self._processor.read(claim, is_patient=is_valid, keeps=is_valid)
        if reading is None:
            self._half_written.append(claim, self._limits.cost(claim.size))
            return
        reading = replace(reading, can_wait=can_wait)
        if refusal is not None:
            self._execute(reading, refusal)
        elif self._held_back.has(reading.queue) or not self._may_begin(reading):
            self._held_back.append(reading.queue, reading, self._size_of(reading))
        else:
            self._begin(reading)

    def _may_begin(self, reading: Reading) -> bool:
        """Return whether the order within the queue is kept if the request begins now.

        Executor and batch each keep the order of their own requests. A request for the one waits while
        the other holds a request of the same queue.
        """
        if reading.is_batched:
            return len(self._batch) < BATCH and not self._executor.has(self.identity, reading.queue)
        return all(it.queue != reading.queue for it in self._batch.all())

    def _begin(self, reading: Reading) -> None:
        if reading.is_batched:
            self._batch.append(reading, self._size_of(reading))
        else:
            self._execute(reading)

    def _execute(self, reading: Reading, refusal: SpecKittyError | None = None) -> None:
        queue = "" if refusal is not None else reading.queue
        job, name = partial(self._processor.process, reading, refusal), reading.claim.stem
        self._executor.put(self.identity, queue, job, size=self._size_of(reading), name=name)

    def _size_of(self, reading: Reading) -> int:
        return self._limits.cost(reading.size)

    def _process_batch(self) -> bool:
        """Answer the batch; return whether there was one."""
        if not self._batch:
            return False
        self._batch_since = clock.timestamp()
        result = self._processor.process_batch(self._batch.all())
        for left in result.left:
            self._execute(left)
        if result.undelivered:
            job = partial(self._processor.deliver, result)
            self._executor.put(self.identity, _REPLIES, job, size=0)
        self._batch.clear()
        self._batch_since = ""
        self._park()
        return True

    def _park(self) -> None:
        """Park the reads that were found to wait; refuse those for which there is no room."""
        while self._processor.to_park:
            reading, wait = self._processor.to_park.popleft()
            if refusal := self.parked.add(reading, wait, self._size_of(reading)):
                self._execute(reading, refusal)

    def _unanswered(self) -> tuple[int, int]:
        """Return how many requests were taken and are not answered, and their bytes."""
        count, size = self._executor.pending(self.identity)
        here, held_back = (self._half_written, self._batch, self.parked), self._held_back
        count += sum(len(it) for it in here) + held_back.count
        return count, size + sum(it.bytes for it in here) + held_back.bytes
