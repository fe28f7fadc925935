"""Answer every claim once: with a reply under its name, or as a dead letter."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from specify_cli import clock
from specify_cli.errors import CorrelationIdConflict, NotAuthorized, RequestTooLarge, SpecKittyError
from specify_cli.files.regular_files import ForeignOwner, NotRegular, TooLarge
from specify_cli.mailbox.answered_claims import AnsweredClaims
from specify_cli.mailbox.claims import Claim
from specify_cli.mailbox.dead_letters import DeadLetters, Stray
from specify_cli.mailbox.inbox import Inbox
from specify_cli.mailbox.log_lines import AnsweredRequest, LogLine
from specify_cli.mailbox.outbox import Outbox
from specify_cli.mailbox.protocols import Answer
from specify_cli.mailbox.reply_publisher import ReplyPublisher
from specify_cli.mailbox.settings import Orchestrator, WorkerContext
from specify_cli.storage.request_file import Lookup, RequestFile, Unchanged, Wait

# An outbox that takes longer for one reply is slow: for some time a thread of the executor writes to it.
SLOW_S = 0.05
SLOW_FOR_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The content of a claim and the lookup of its mission, or the reason why it could not be read.

    `can_wait` says whether it is parked if it is a read that waits for a change, at most until
    `waits_until` on the monotonic clock.
    """

    claim: Claim
    raw: bytes = b""
    lookup: Lookup | None = None
    problem: Exception | None = None
    can_wait: bool = False
    waits_until: float = float("inf")

    @property
    def size(self) -> int:
        """The bytes of its file, which may have grown since it was listed."""
        return max(self.claim.size, len(self.raw))

    @property
    def queue(self) -> str:
        """The queue of its mission."""
        return self.lookup.queue if self.lookup else ""

    @property
    def is_batched(self) -> bool:
        """Whether it may be batched. An earlier worker may have carried out a kept request."""
        lookup = self.lookup
        return lookup is not None and lookup.is_batched and not self.claim.is_kept


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch leaves: requests to process alone, in their order, and replies to publish.

    `redaction` is the newest one that was known before the requests were answered.
    """

    redaction: int
    left: list[Reading] = field(default_factory=list)
    undelivered: list[tuple[Claim, Answer]] = field(default_factory=list)


class Processor:
    """Processes the requests of one orchestrator; several threads may call it at once.

    Methods that process a request raise SpecKittyError if an answer could not be recorded, and OSError
    if the disk failed. Nothing is lost then, and the request can be processed again.

    Attributes:
        answered: The claims whose replies were published.
        sweep: Removes half-written replies; call it only while no request is being processed.
        to_park: Reads that wait for a change, to be parked by the worker's main loop.
    """

    def __init__(
        self,
        context: WorkerContext,
        inbox: Inbox,
        *,
        outbox: Outbox,
        orchestrator: Orchestrator,
        dead_letters: DeadLetters,
    ) -> None:
        self.answered = AnsweredClaims(outbox)
        self.sweep = outbox.sweep
        self.to_park: deque[tuple[Reading, Wait]] = deque()
        self._inbox = inbox
        self.orchestrator = orchestrator
        self._dispatcher = context.dispatcher
        self._publisher = ReplyPublisher(outbox, context, identity=orchestrator.identity)
        self._dead_letters = dead_letters
        self._settings = context.settings
        self._log = context.log
        self._counts = context.status.counts
        self._slow_until = 0.0

    def republish_recorded(self, claim: Claim) -> bool:
        """Publish the recorded answer to the claim again, if an earlier worker recorded one.

        Returns:
            Whether that completes the claim. It does if the content is torn: a power loss can tear a
            claim as well as its reply. Otherwise the claim is processed as usual.

        Raises:
            SpecKittyError, OSError: the disk failed.
        """
        if not self._publisher.republish(claim.stem):
            return False
        try:
            is_torn = not _parses(claim.read(self.orchestrator.max_request_bytes))
        except (FileNotFoundError, NotRegular, ForeignOwner, TooLarge):
            return False
        if is_torn:
            self.answered.add(claim)
        return is_torn

    def read(self, claim: Claim, *, is_patient: bool, keeps: bool) -> Reading | None:
        """Read the claim.

        Args:
            claim: The claim to read.
            is_patient: Return None for a request that may still be being written.
            keeps: Copy a request that cannot be batched to where only the host can change it. A batched
                request needs no copy: it has no effect before its answer is recorded.
        """
        bounds = self.orchestrator
        # The owner was checked before the copy was made, and the copy may belong to the host.
        owner_uid = None if claim.is_kept else bounds.owner_uid
        try:
            raw = claim.read(bounds.max_request_bytes, owner_uid=owner_uid)
            lookup = self._dispatcher.look_up(raw)
            if is_patient and not lookup.is_whole and self._is_young(claim):
                return None
            if keeps and not lookup.is_batched:
                claim = self._inbox.keep(claim, raw)
        except (FileNotFoundError, NotRegular, ForeignOwner, TooLarge) as problem:
            return Reading(claim=claim, problem=problem)
        return Reading(claim=claim, raw=raw, lookup=lookup)

    def process_batch(self, readings: Sequence[Reading]) -> BatchResult:
        """Answer the requests together; publish the replies as long as the outbox is fast."""
        files = [
            RequestFile(
                raw=it.raw,
                stem=it.claim.stem,
                identity=self.orchestrator.identity,
                lookup=it.lookup or Lookup(),
                can_wait=it.can_wait,
                received_at=it.claim.received_at(),
            )
            for it in readings
        ]
        result = BatchResult(redaction=self._publisher.redaction)
        for reading, answer in zip(readings, self._dispatcher.answer_batch(files), strict=True):
            if isinstance(answer, Wait):
                self.to_park.append((reading, answer))
            elif answer is None:
                claim = self._inbox.keep(reading.claim, reading.raw)
                result.left.append(replace(reading, claim=claim))
            elif time.monotonic() < self._slow_until:
                result.undelivered.append((reading.claim, answer))
            else:
                began = time.monotonic()
                self._deliver(reading.claim, answer, redaction=result.redaction)
                ended = time.monotonic()
                if ended - began > SLOW_S:
                    # This thread serves every mailbox, so it must not wait for the disk of one.
                    self._slow_until = ended + SLOW_FOR_S
        return result

    def deliver(self, batch: BatchResult) -> None:
        """Publish the remaining replies of a batch."""
        for claim, answer in batch.undelivered:
            self._deliver(claim, answer, redaction=batch.redaction)

    def process(self, reading: Reading, refusal: SpecKittyError | None = None) -> None:
        """Answer the request; with `refusal`, unless an answer to it is recorded already."""
        claim, problem = reading.claim, reading.problem
        identity = self.orchestrator.identity
        if isinstance(problem, FileNotFoundError):
            text = f"{claim.path.name}: removed by another program before its answer"
            fields = {"identity": identity, "correlation_id": claim.stem}
            self._log(LogLine(text, "request.removed", level="warning", fields=fields))
        elif isinstance(problem, NotRegular):
            self._set_aside_claim(claim, why=f"{claim.stem}.json {problem}")
        elif isinstance(problem, ForeignOwner):
            self._refuse(claim, _not_yours(claim, problem))
        elif isinstance(problem, TooLarge):
            self._refuse(claim, _too_large(claim, problem, self.orchestrator.max_request_bytes))
        elif refusal and self._dispatcher.recorded(claim.stem, identity=identity) is None:
            self._refuse(claim, refusal)
        else:
            self._answer(reading)

    def _answer(self, reading: Reading) -> None:
        redaction = self._publisher.redaction
        try:
            answer = self._dispatcher.answer_bytes(
                reading.raw,
                stem=reading.claim.stem,
                identity=self.orchestrator.identity,
                lookup=reading.lookup,
                can_wait=reading.can_wait,
                received_at=reading.claim.received_at(),
            )
        except Unchanged as unchanged:
            self.to_park.append((reading, unchanged.wait))
        else:
            self._deliver(reading.claim, answer, redaction=redaction)

    def set_aside(self, name: str, *, why: str) -> None:
        """Make the entry `name` of the inbox a dead letter."""
        self._put_aside(name, self._inbox.folder / name, why=why)

    def _is_young(self, claim: Claim) -> bool:
        """Return whether a client that writes in place may still be writing the request."""
        if claim.is_kept:
            return False
        now = clock.now().timestamp()
        # A date in the future, or one that is renewed again and again, delays the answer only so long.
        is_young = abs(now - claim.written_at()) < self._settings.grace_s
        return is_young and now - claim.since < self._settings.longest_write_s

    def _refuse(self, claim: Claim, refusal: SpecKittyError) -> None:
        redaction, identity = self._publisher.redaction, self.orchestrator.identity
        answer = self._dispatcher.refuse(refusal, stem=claim.stem, identity=identity)
        self._deliver(claim, answer, redaction=redaction)

    def _deliver(self, claim: Claim, answer: Answer, *, redaction: int) -> None:
        if answer.envelope["error_code"] == CorrelationIdConflict.code and not answer.is_repeat:
            self._set_aside_claim(claim, why=answer.envelope["data"]["message"], answer=answer)
            return
        self._publisher.publish(claim.stem, answer, redaction=redaction)
        self.answered.add(claim)
        answered = AnsweredRequest(
            self.orchestrator.identity,
            answer.envelope,
            answer.line,
            is_repeat=answer.is_repeat,
            since=claim.since,
        )
        self._report(answered)

    def _set_aside_claim(self, claim: Claim, *, why: str, answer: Answer | None = None) -> None:
        self._put_aside(f"{claim.stem}.json", claim.path, why=why, answer=answer)

    def _put_aside(self, name: str, path: Path, *, why: str, answer: Answer | None = None) -> None:
        identity = self.orchestrator.identity
        stray = Stray(
            name=name,
            identity=identity,
            why=why,
            move=lambda folder, new_name: self._inbox.move(path, folder, new_name),
            envelope=None if answer is None else answer.envelope,
        )
        envelope = self._dead_letters.set_aside(stray)
        if envelope is not None:
            line = {} if answer is None else answer.line
            self._report(AnsweredRequest(identity, envelope, line, set_aside=why))

    def _report(self, answered: AnsweredRequest) -> None:
        self._log(answered.logged())
        self._counts.add(answered, has_grant=bool(self.orchestrator.commands))


def _not_yours(claim: Claim, error: ForeignOwner) -> NotAuthorized:
    return NotAuthorized(
        f"{claim.stem}.json {error}, whose requests this mailbox takes; let that user send it under"
        " a new id, or let the operator change 'uid' in config.toml"
    )


def _too_large(claim: Claim, error: TooLarge, max_bytes: int) -> RequestTooLarge:
    text = (
        f"{claim.stem}.json {error} bytes allowed; send less, or let the operator raise"
        " max_request_bytes in config.toml"
    )
    return RequestTooLarge(text, max_bytes=max_bytes)


def _parses(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True
