"""Everything that was taken gets its one answer: a reply under its name, or a dead letter."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from specify_cli import clock
from specify_cli.errors import (
    CorrelationIdConflict,
    NotAuthorized,
    RequestTooLarge,
    SpecKittyError,
)
from specify_cli.files.regular_files import ForeignOwner, NotRegular, TooLarge
from specify_cli.mailbox.dead_letters import DeadLetters, Stray
from specify_cli.mailbox.inbox import Claim, Inbox
from specify_cli.mailbox.outbox import Outbox
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.protocols import Answer
from specify_cli.mailbox.settings import Orchestrator
from specify_cli.mailbox.workplace import WorkerContext
from specify_cli.storage.request_file import Lookup, RequestFile

# An outbox that takes longer for a reply is slow, and gets its replies from a thread of the pool for so long.
SLOW_S = 0.05
SLOW_FOR_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read of a claim, or why nothing was; `mission` is the one that it is about."""

    claim: Claim
    raw: bytes = b""
    mission: Lookup | None = None
    problem: Exception | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What is left of a batch: requests that have to be settled alone, in their order, and replies to be delivered."""

    left: list[Reading] = field(default_factory=list)
    undelivered: list[tuple[Claim, Answer]] = field(default_factory=list)


class Processor:
    """Where the requests of one orchestrator are settled, several of them at once.

    Raises, wherever it settles: SpecKittyError, when an answer could not be recorded, and OSError,
    when the disk failed. Nothing is lost then.
    """

    def __init__(
        self,
        workplace: WorkerContext,
        inbox: Inbox,
        *,
        outbox: Outbox,
        orchestrator: Orchestrator,
        dead_letters: DeadLetters,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._orchestrator = orchestrator
        self._dispatcher = workplace.dispatcher
        self._dead_letters = dead_letters
        self._settings = workplace.settings
        self._log = workplace.log
        # Answered, and still there: until the reply is durable, the claim is what brings the answer back.
        self._answered: dict[str, Claim] = {}
        self._retiring = threading.Lock()
        self._slow_until = 0.0

    @property
    def has_answered(self) -> bool:
        """Whether there is something for `retire_answered`."""
        return bool(self._answered)

    def answered(self) -> set[str]:
        """The ids of the claims that were answered here and may still be there."""
        return {*self._answered}

    def retire_answered(self) -> None:
        """The replies of what was answered before the call are durable, and its claims are gone.

        Where another thread is at it, nothing is done.

        Raises:
            StorageFailed, OSError: the disk refused; nothing is lost.
        """
        if not self._retiring.acquire(blocking=False):
            return
        try:
            answered = [*self._answered.values()]
            if answered:
                self._sync(answered)
            for claim in answered:
                claim.retire()
                self._answered.pop(claim.claim_id, None)
        finally:
            self._retiring.release()

    def _sync(self, answered: Sequence[Claim]) -> None:
        try:
            self._outbox.sync()
        except (SpecKittyError, OSError):
            # The kernel tells of what it could not write once. So the claims count as not answered, and are found again.
            self._outbox.distrust(claim.stem for claim in answered)
            for claim in answered:
                self._answered.pop(claim.claim_id, None)
            raise

    def drop_answered(self) -> None:
        """The claims of what was answered are gone; for a mailbox that went with its replies.

        Raises:
            StorageFailed, OSError: the disk refused.
        """
        for claim in [*self._answered.values()]:
            claim.retire()
            self._answered.pop(claim.claim_id, None)

    def brings_back(self, claim: Claim) -> bool:
        """Whether an earlier worker had answered the claim, which cannot be read any more.

        Where it had, its reply is there again in any case. After a loss of power the claim, which nobody synced, may be
        as torn as the reply.

        Raises:
            SpecKittyError, OSError: the disk refused.
        """
        answer = self._dispatcher.recorded(claim.stem, identity=self._orchestrator.identity)
        if answer is None:
            return False
        self._outbox.publish(claim.stem, answer.reply)
        try:
            is_torn = not _parses(claim.read(self._orchestrator.max_request_bytes))
        except (FileNotFoundError, NotRegular, ForeignOwner, TooLarge):
            return False
        if is_torn:
            self._answered[claim.claim_id] = claim
        return is_torn

    def sweep(self) -> None:
        """No half-written reply is left; to be called only while nothing is being settled.

        Raises:
            StorageFailed: the disk refused.
        """
        self._outbox.sweep()

    def read(self, claim: Claim, *, is_patient: bool, keeps: bool) -> Reading | None:
        """What the claim holds; None to be patient with a slow writer.

        `keeps`: it was read once and for all, because it may be carried out. What may be answered in a batch is not: before
        its answer is recorded, nothing of it was done.
        """
        bounds = self._orchestrator
        # What is kept was judged before, and is ours where its owner could not have it back.
        owner_uid = None if claim.is_kept else bounds.owner_uid
        try:
            raw = claim.read(bounds.max_request_bytes, owner_uid=owner_uid)
            mission = self._dispatcher.look_up(raw)
            if is_patient and not mission.is_whole and self._is_young(claim):
                return None
            if keeps and not mission.is_batched:
                claim = self._inbox.keep(claim, raw)
        except (FileNotFoundError, NotRegular, ForeignOwner, TooLarge) as problem:
            return Reading(claim=claim, problem=problem)
        return Reading(claim=claim, raw=raw, mission=mission)

    def settle_batch(self, readings: Sequence[Reading]) -> Settled:
        """The claims are answered, and retired as far as their outbox is fast."""
        files = [
            RequestFile(
                raw=it.raw,
                stem=it.claim.stem,
                identity=self._orchestrator.identity,
                mission=it.mission or Lookup(),
            )
            for it in readings
        ]
        settled = Settled()
        for reading, answer in zip(readings, self._dispatcher.answer_batch(files), strict=True):
            if answer is None:
                claim = self._inbox.keep(reading.claim, reading.raw)
                settled.left.append(replace(reading, claim=claim))
            elif time.monotonic() < self._slow_until:
                settled.undelivered.append((reading.claim, answer))
            else:
                self._deliver_timed(reading.claim, answer)
        return settled

    def deliver(self, answers: Sequence[tuple[Claim, Answer]]) -> None:
        """The replies of a batch are published."""
        for claim, answer in answers:
            self._deliver(claim, answer)

    def _deliver_timed(self, claim: Claim, answer: Answer) -> None:
        began = time.monotonic()
        self._deliver(claim, answer)
        ended = time.monotonic()
        if ended - began > SLOW_S:
            # The thread that serves all mailboxes does not wait for the disk of one.
            self._slow_until = ended + SLOW_FOR_S

    def settle(self, reading: Reading, refusal: SpecKittyError | None = None) -> None:
        """The claim is answered and retired, with `refusal` where there is one."""
        claim, problem = reading.claim, reading.problem
        if isinstance(problem, FileNotFoundError):
            self._log(printable(f"{claim.path.name}: taken away before it was answered"))
        elif isinstance(problem, NotRegular):
            self._set_aside_claim(claim, why=f"{claim.stem}.json {problem}")
        elif isinstance(problem, ForeignOwner):
            self._refuse(claim, _not_yours(claim, problem))
        elif isinstance(problem, TooLarge):
            self._refuse(claim, self._too_large(claim, problem))
        elif refusal is not None and not self._is_recorded(claim):
            self._refuse(claim, refusal)
        else:
            # Also past the bounds, where it was answered before: the same gets the same answer.
            identity = self._orchestrator.identity
            answer = self._dispatcher.answer_bytes(
                reading.raw, stem=claim.stem, identity=identity, mission=reading.mission
            )
            self._deliver(claim, answer)

    def _is_recorded(self, claim: Claim) -> bool:
        identity = self._orchestrator.identity
        return self._dispatcher.recorded(claim.stem, identity=identity) is not None

    def set_aside(self, name: str, *, why: str) -> None:
        """What lies under that name in the inbox is a dead letter."""
        path = self._inbox.folder / name
        self._put_aside(name, path, why=why)

    def _is_young(self, claim: Claim) -> bool:
        """Whether a careless client may still be writing it."""
        if claim.is_kept:
            return False
        now = clock.now().timestamp()
        # A date in the future, or one renewed for ever, must not put the answer off for ever.
        is_young = abs(now - claim.written_at()) < self._settings.grace_s
        return is_young and now - claim.since < self._settings.patience_s

    def _refuse(self, claim: Claim, refusal: SpecKittyError) -> None:
        identity = self._orchestrator.identity
        self._deliver(claim, self._dispatcher.refuse(refusal, stem=claim.stem, identity=identity))

    def _deliver(self, claim: Claim, answer: Answer) -> None:
        if _is_conflict(answer):
            self._set_aside_claim(claim, why=answer.envelope["data"]["message"], answer=answer)
            return
        self._outbox.publish(claim.stem, answer.reply)
        self._answered[claim.claim_id] = claim
        self._report(answer.envelope, is_repeat=answer.is_repeat)

    def _set_aside_claim(self, claim: Claim, *, why: str, answer: Answer | None = None) -> None:
        envelope = None if answer is None else answer.envelope
        self._put_aside(f"{claim.stem}.json", claim.path, why=why, envelope=envelope)

    def _put_aside(
        self, name: str, path: Path, *, why: str, envelope: Mapping[str, Any] | None = None
    ) -> None:
        stray = Stray(
            name=name,
            identity=self._orchestrator.identity,
            why=why,
            move=lambda folder, new_name: self._inbox.move(path, folder, new_name),
            envelope=envelope,
        )
        answered = self._dead_letters.set_aside(stray)
        if answered is not None:
            self._report(answered, note=f" dead letter: {why}")

    def _too_large(self, claim: Claim, error: TooLarge) -> RequestTooLarge:
        return RequestTooLarge(
            f"{claim.stem}.json {error} bytes allowed; send less, or raise the bound",
            max_bytes=self._orchestrator.max_request_bytes,
        )

    def _report(
        self, envelope: Mapping[str, Any], *, is_repeat: bool = False, note: str = ""
    ) -> None:
        outcome = envelope["error_code"] or "OK"
        words = (
            f"{clock.timestamp()} mailbox {self._orchestrator.identity} {envelope['command']} "
            f"{envelope['correlation_id']} {outcome}{' (repeated)' if is_repeat else ''}{note}"
        )
        self._log(printable(words))


def _not_yours(claim: Claim, error: ForeignOwner) -> NotAuthorized:
    return NotAuthorized(
        f"{claim.stem}.json {error}, whose requests this mailbox takes; let that user send it under"
        " a new id, or let the operator change 'uid' in config.toml"
    )


def _parses(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _is_conflict(answer: Answer) -> bool:
    return answer.envelope["error_code"] == CorrelationIdConflict.code and not answer.is_repeat
