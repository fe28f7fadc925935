"""Answer a request with one envelope, for all interfaces alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from specify_cli import ids
from specify_cli.errors import CorrelationIdConflict, MissionNotFound, SpecKittyError, UsageError
from specify_cli.orchestrator_api import registry, request
from specify_cli.orchestrator_api.command import Command
from specify_cli.orchestrator_api.envelope import Envelope, encode
from specify_cli.orchestrator_api.execution import Execution, refusal
from specify_cli.orchestrator_api.host import Host
from specify_cli.orchestrator_api.journal_lines import journal_line
from specify_cli.orchestrator_api.request import Origin, Request
from specify_cli.orchestrator_api.validated_request import ValidatedRequest, judge, unjudged, unread
from specify_cli.storage.published_line import was_never_read
from specify_cli.storage.request_file import Lookup, RequestFile, Unchanged, Wait
from specify_cli.workflow.context import Decision, conflict

if TYPE_CHECKING:
    from specify_cli.storage.intents import Intent

LOOK_S = 0.2
"""How often a waiting call at the command line looks for a change."""


class Answer(NamedTuple):
    """The answer to a request, with its journal line, if any. A repeat has no new effect."""

    envelope: Envelope
    is_repeat: bool = False
    line: Mapping[str, Any] = MappingProxyType({})

    @property
    def reply(self) -> bytes:
        """The encoded envelope, the same at both interfaces."""
        return encode(self.envelope)


class Dispatcher:
    """Answers requests on behalf of one host."""

    def __init__(self, host: Host, find: Callable[[str], Command] = registry.find) -> None:
        self._host = host
        self._carrying_out = Execution(host)
        self._find = find

    def answer(self, asked: Request, origin: Origin, *, is_id_minted: bool = False) -> Answer:
        """Answer a caller who waits. Every request gets an answer.

        A minted id is new, so the journal is not searched for it.
        """
        judgement = self._judge(asked)
        try:
            if not _is_journaled(judgement):
                return Answer(envelope=self._waited(judgement, origin))
            self.settle_intents()
            if is_id_minted:
                return self._answer_new(judgement, origin)
            return self._answer_once(judgement, origin)
        except SpecKittyError as error:
            refusal = judgement.refusal if isinstance(error, MissionNotFound) else None
            return _refusal(judgement, refusal or error)
        except Exception as fault:  # noqa: BLE001  a bug becomes an answer
            return _refusal(judgement, self._carrying_out.host_error(fault))

    def _waited(self, judgement: ValidatedRequest, origin: Origin) -> Envelope:
        """Answer a read that is not journaled; wait for a change if it asks for that."""
        judgement.can_wait, until = True, 0.0
        while True:
            try:
                return self._carrying_out.carry_out(judgement, origin)[0]
            except Unchanged as unchanged:
                wait = unchanged.wait
                until = until or time.monotonic() + wait.left_s
                while judgement.can_wait and self.newest(wait.slug) == wait.newest:
                    time.sleep(min(LOOK_S, max(0.0, until - time.monotonic())))
                    judgement.can_wait = time.monotonic() < until

    def newest(self, slug: str) -> int:
        """Return the position of the newest entry of the mission in the folder `slug`.

        Raises:
            MissionNotFound: there is no such mission.
            StorageFailed: the disk failed.
            StateUnreadable: the record is damaged.
        """
        return self._host.services().missions.mark(slug).newest

    def look_up(self, raw: bytes) -> Lookup:
        """Return the mission that the request in `raw` names; change nothing."""
        glance = request.glance(raw)
        is_batched = self._is_batched(glance.command)
        look_up = self._carrying_out.look_up
        return look_up(glance.mission, is_whole=glance.is_whole, is_batched=is_batched)

    def answer_bytes(
        self,
        raw: bytes,
        *,
        stem: str,
        identity: str,
        lookup: Lookup | None = None,
        can_wait: bool = False,
        received_at: str | None = None,
    ) -> Answer:
        """Answer the request file `<stem>.json` and record the answer; `lookup` is the one of its mission.

        Raises:
            StorageFailed, StateUnreadable: It could not be recorded; the caller may retry.
            Unchanged: It waits for a change; raised only if it `can_wait`.
        """
        judgement = self._read(raw, stem=stem, lookup=lookup)
        judgement.can_wait = can_wait
        origin = Origin(door=ids.MAILBOX, identity=identity, received_at=received_at)
        return self._answer_once(judgement, origin)

    def recorded(self, stem: str, *, identity: str) -> Answer | None:
        """Return the recorded answer to the request file `<stem>.json`; None if there is none.

        Raises:
            StorageFailed, StateUnreadable: The journal cannot be read.
        """
        origin = Origin(door=ids.MAILBOX, identity=identity)
        line = self._host.journal().find(stem, origin.scope)
        return None if line is None else Answer(line["envelope"], is_repeat=True, line=line)

    def answer_batch(self, files: Sequence[RequestFile]) -> list[Answer | Wait | None]:
        """Answer requests whose lookup says `is_batched` in one commit; None: to be answered alone.

        After a None, no other request of the same orchestrator and mission is answered here.

        Raises:
            StateUnreadable: The config is damaged.
        """
        # Only a worker needs it.
        from specify_cli.orchestrator_api import batching

        report = self._carrying_out.host_error
        lines = batching.answer(files, self._decide, journal=self._host.journal, report=report)
        return [Answer(it["envelope"], line=it) if isinstance(it, dict) else it for it in lines]

    def refuse(
        self,
        error: SpecKittyError,
        *,
        stem: str | None,
        identity: str,
        dead_letter: str | None = None,
    ) -> Answer:
        """Answer a file that is not a readable request, and record the answer.

        A file without a usable name is journaled under the id of its dead letter.

        Raises:
            StorageFailed, StateUnreadable: It could not be recorded; the caller may retry.
        """
        known_as = stem or dead_letter or ""
        judgement = unread(error.message.encode(), error, correlation_id=known_as)
        origin = Origin(door=ids.MAILBOX, identity=identity)
        return self._answer_once(judgement, origin, dead_letter=dead_letter)

    def has_intents(self) -> bool:
        """Return whether `settle_intents` has work to do; raises the same errors."""
        return bool(self._host.intents())

    def settle_intents(self) -> None:
        """Complete and record the work of callers that were killed, as far as possible.

        Raises:
            MissionNotFound: There is no project here.
            StorageFailed, StateUnreadable: The record cannot be read or written.
        """
        for intent in self._host.intents():
            if intent.is_here and not self._host.is_deciding(intent.id, intent.scope):
                # A failure is retried by the next call.
                with suppress(SpecKittyError):
                    self._settle(intent)

    def _settle(self, intent: Intent) -> None:
        journal = self._host.journal()
        if journal.find(intent.id, intent.scope, digest=intent.digest or None) is not None:
            # As for a repeated request.
            journal.publish()
            self._host.services().request_intents.forget_answered(intent)
        elif self._host.services().request_intents.is_begun(intent):
            asked, origin = request.from_intent(intent.call)
            # The request may be one of a person.
            find = partial(registry.find, for_people=True)
            self._answer_once(self._judge(asked, find), origin)

    def _is_batched(self, command: str) -> bool:
        try:
            return self._find(command).is_batched
        except SpecKittyError:
            return False

    def _read(self, raw: bytes, *, stem: str, lookup: Lookup | None) -> ValidatedRequest:
        self._host.access()  # Raises if the config is damaged, before the request is answered.
        try:
            judgement = self._judge(request.read(raw, stem=stem))
        except SpecKittyError as error:
            judgement = unread(raw, error, correlation_id=stem)
        judgement.lookup = lookup
        return judgement

    def _decide(self, file: RequestFile, decision: Decision) -> dict[str, Any] | None:
        """Return the journal line of a request in a batch; None if its id was used by another."""
        origin = Origin(door=ids.MAILBOX, identity=file.identity, received_at=file.received_at)
        judgement = self._read(file.raw, stem=file.stem, lookup=file.lookup)
        judgement.can_wait = file.can_wait
        self._host.compare_with_commits()
        line = self._line(judgement, origin, decision)
        is_conflict = line["envelope"]["error_code"] == CorrelationIdConflict.code
        return None if is_conflict else line

    def _judge(
        self, asked: Request, find: Callable[[str], Command] | None = None
    ) -> ValidatedRequest:
        try:
            return judge(asked, find or self._find)
        except Exception as fault:  # noqa: BLE001  a bug in a rule is an answer too
            judgement = unjudged(asked)
            judgement.refusal = self._carrying_out.host_error(fault)
            return judgement

    def _answer_once(
        self, judgement: ValidatedRequest, origin: Origin, *, dead_letter: str | None = None
    ) -> Answer:
        """Return the recorded answer of this id, else answer the request."""
        correlation_id = judgement.request.correlation_id
        with self._host.deciding(correlation_id, origin.scope):
            known = self._host.journal().find(correlation_id, origin.scope)
            if known is None:
                return self._answer_new(judgement, origin, dead_letter=dead_letter)
            # The process that recorded it may have ended before it published it.
            self._host.journal().publish()
            if known["digest"] == judgement.digest or was_never_read(known):
                return Answer(known["envelope"], is_repeat=True, line=known)
            return self._conflict(judgement, origin, dead_letter=dead_letter)

    def _conflict(
        self, judgement: ValidatedRequest, origin: Origin, *, dead_letter: str | None = None
    ) -> Answer:
        """Refuse a request whose id belongs to another request; record the refusal once."""
        judgement.refusal = conflict(judgement.request.correlation_id)
        line = journal_line(judgement, origin, dead_letter=dead_letter)
        line["envelope"] = _refusal(judgement, judgement.refusal).envelope
        # It may be recorded already, if a host was killed before it removed the file.
        line = self._host.journal().append(line, unless_known=False)
        return Answer(line["envelope"], line=line)

    def _answer_new(
        self, judgement: ValidatedRequest, origin: Origin, *, dead_letter: str | None = None
    ) -> Answer:
        journal = self._host.journal()
        if judgement.command is None or not judgement.command.mends_record:
            journal.require_current()
            self._host.compare_with_commits()
        with Decision() as decision:
            line = self._line(judgement, origin, decision, dead_letter=dead_letter)
            # After a conflict with events that are not journaled yet, their own request is still to
            # be recorded, and its line must be the first with this id.
            if line["envelope"]["error_code"] != CorrelationIdConflict.code:
                line = journal.append(line, decided=decision.drafts, also=decision.settles)
                if line["digest"] != judgement.digest:
                    # Another process that had lost its lock was faster.
                    return self._conflict(judgement, origin, dead_letter=dead_letter)
                decision.follow()
        return Answer(line["envelope"], line=line)

    def _line(
        self,
        judgement: ValidatedRequest,
        origin: Origin,
        decision: Decision,
        *,
        dead_letter: str | None = None,
    ) -> dict[str, Any]:
        """Carry out the request and return its journal line, not recorded yet."""
        line = journal_line(judgement, origin, dead_letter=dead_letter)
        line["envelope"], cause = self._carrying_out.carry_out(judgement, origin, decision)
        line["event_ids"], line["commits"] = cause.effects.event_ids, cause.effects.commits
        return line


def _is_journaled(judgement: ValidatedRequest) -> bool:
    """Return whether the command line records the request: a change, and no usage error."""
    changes = judgement.command is not None and judgement.command.changes_state
    return changes and not isinstance(judgement.refusal, UsageError)


def _refusal(judgement: ValidatedRequest, error: SpecKittyError) -> Answer:
    return Answer(envelope=refusal(judgement, error))
