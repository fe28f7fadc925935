"""A request in, one envelope out: the same for every door."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from specify_cli import ids, processes
from specify_cli.errors import (
    CorrelationIdConflict,
    HostError,
    MissionNotFound,
    NotAuthorized,
    RequestExpired,
    SpecKittyError,
    Unfinished,
    UsageError,
)
from specify_cli.orchestrator_api import begun, registry, request
from specify_cli.orchestrator_api.command import Command, MissionResult
from specify_cli.orchestrator_api.envelope import Envelope, encode, refused, succeeded
from specify_cli.orchestrator_api.host import Host
from specify_cli.orchestrator_api.journal_lines import journal_line, was_never_read
from specify_cli.orchestrator_api.judgement import Judgement, judge, unjudged, unread
from specify_cli.orchestrator_api.request import Origin, Request
from specify_cli.storage.lookup import Lookup
from specify_cli.workflow.cause import Cause, Decision, conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The one answer to a request; a repeat was recorded before, and nothing was done now."""

    envelope: Envelope
    is_repeat: bool = False

    @property
    def reply(self) -> bytes:
        """The envelope as both doors give it out."""
        return encode(self.envelope)


class Dispatcher:
    """Answers requests on behalf of one host."""

    def __init__(self, host: Host, find: Callable[[str], Command] = registry.find) -> None:
        self._host = host
        self._find = find

    def answer(self, asked: Request, origin: Origin, *, is_id_minted: bool = False) -> Answer:
        """The answer to a caller who waits for it; whatever happens, there is one.

        With a minted id nobody can have asked before, so the journal is not searched.
        """
        judgement = self._judge(asked)
        try:
            if not _is_journaled(judgement):
                return Answer(envelope=self._carry_out(judgement, origin)[0])
            self.settle_begun()
            if is_id_minted:
                return self._answer_new(judgement, origin)
            return self._answer_once(judgement, origin)
        except SpecKittyError as error:
            refusal = judgement.refusal if isinstance(error, MissionNotFound) else None
            return _refusal(judgement, refusal or error)
        except Exception as fault:  # noqa: BLE001  the one place where a bug becomes an answer
            return _refusal(judgement, self._host_error(fault))

    def look_up(self, raw: bytes) -> Lookup:
        """The mission that the request in `raw` is about; changes nothing."""
        return self._look_up(request.mission_in(raw))

    def answer_bytes(
        self, raw: bytes, *, stem: str, identity: str, mission: Lookup | None = None
    ) -> Answer:
        """The answer to the request file `<stem>.json`, recorded; `mission` is what it is about.

        Raises: StorageFailed, StateUnreadable when it could not be recorded: ask again.
        """
        self._host.access()  # A damaged config is nobody's answer.
        try:
            judgement = self._judge(request.read(raw, stem=stem))
        except SpecKittyError as error:
            judgement = unread(raw, error, correlation_id=stem)
        judgement.mission = mission
        return self._answer_once(judgement, Origin(door=ids.MAILBOX, identity=identity))

    def refuse(
        self,
        error: SpecKittyError,
        *,
        stem: str | None,
        identity: str,
        dead_letter: str | None = None,
    ) -> Answer:
        """The answer to what could not be read as a request at all, recorded.

        What has no name of its own is journaled under the id of its dead letter.
        Raises: StorageFailed, StateUnreadable when it could not be recorded: ask again.
        """
        known_as = stem or dead_letter or ""
        judgement = unread(error.message.encode(), error, correlation_id=known_as)
        origin = Origin(door=ids.MAILBOX, identity=identity)
        return self._answer_once(judgement, origin, dead_letter=dead_letter)

    def settle_begun(self) -> None:
        """What callers at the command line had done when they were killed is recorded.

        Raises: MissionNotFound, StorageFailed.
        """
        self._host.begun().settle(self._settle)

    def _settle(self, call: dict[str, Any]) -> None:
        asked, origin = begun.read(call)
        correlation_id = asked.correlation_id
        if self._host.journal().find(correlation_id) is not None:
            # As where it is asked for again.
            self._host.journal().publish()
            return
        # Nothing new is done for a caller who is dead: without a trace, nothing had happened.
        if self._host.services().unfinished.has_trace(correlation_id):
            self._answer_once(self._judge(asked, begun.find), origin)

    def _judge(self, asked: Request, find: Callable[[str], Command] | None = None) -> Judgement:
        try:
            return judge(asked, find or self._find)
        except Exception as fault:  # noqa: BLE001  a bug in a rule is an answer too
            judgement = unjudged(asked)
            judgement.refusal = self._host_error(fault)
            return judgement

    def _answer_once(
        self, judgement: Judgement, origin: Origin, *, dead_letter: str | None = None
    ) -> Answer:
        """The recorded answer of the id where there is one, else a new one."""
        correlation_id = judgement.request.correlation_id
        with self._host.deciding(correlation_id, origin.scope):
            known = self._host.journal().find(correlation_id, origin.scope)
            if known is None:
                return self._answer_new(judgement, origin, dead_letter=dead_letter)
            # Whoever recorded it may not have published it any more.
            self._host.journal().publish()
            if known["digest"] == judgement.digest or was_never_read(known):
                return Answer(envelope=known["envelope"], is_repeat=True)
            journal = self._host.journal()
            same = journal.find(correlation_id, origin.scope, digest=judgement.digest)
            if same is not None:
                # Refused before, by a host that was killed before the file had left the inbox, say.
                return Answer(envelope=same["envelope"])
            judgement.refusal = conflict(correlation_id)
            line = journal_line(judgement, origin, dead_letter=dead_letter)
            line["envelope"] = _refusal(judgement, judgement.refusal).envelope
            journal.append(line, unless_known=False)
            return Answer(envelope=line["envelope"])

    def _answer_new(
        self, judgement: Judgement, origin: Origin, *, dead_letter: str | None = None
    ) -> Answer:
        line = journal_line(judgement, origin, dead_letter=dead_letter)
        journal = self._host.journal()
        with self._noted(judgement, origin), Decision() as decision:
            line["envelope"], cause = self._carry_out(judgement, origin, decision)
            line["event_ids"], line["commits"] = cause.effects.event_ids, cause.effects.commits
            # After a conflict with events that are not journaled yet, their own request is still to
            # be recorded, and its line must be the first with this id.
            if line["envelope"]["error_code"] != CorrelationIdConflict.code:
                line = journal.append(line, decided=decision.drafts)
                decision.follow()
        return Answer(envelope=line["envelope"])

    def _noted(self, judgement: Judgement, origin: Origin) -> AbstractContextManager[None]:
        """What is committed with its answer, or stays in the mailbox until it is answered, needs no note."""
        command = judgement.command
        if (
            origin.door == ids.MAILBOX
            or judgement.refusal
            or not (command and command.leaves_traces)
        ):
            return nullcontext()
        return self._host.begun().noted(begun.note(judgement.request, origin))

    def _carry_out(
        self, judgement: Judgement, origin: Origin, decision: Decision | None = None
    ) -> tuple[Envelope, Cause]:
        correlation_id = judgement.request.correlation_id
        cause = Cause(
            correlation_id=correlation_id,
            identity=origin.scope or None,
            request_digest=judgement.digest,
            policy=judgement.policy,
            decision=decision,
        )
        try:
            command = self._allowed(judgement, cause)
            params = self._allowed_params(judgement, origin, cause)
            with processes.doing(f"{command.name} {correlation_id}"):
                result = command.handle(params, cause, self._host.services)
            if isinstance(result, MissionResult):
                result = replace(result, redacted=judgement.request.redacted)
            data = self._as_seen(result.as_data(), origin)
            return succeeded(judgement.wire_name, correlation_id, data), cause
        except Unfinished:
            raise
        except SpecKittyError as error:
            cause.undo()
            return _refusal(judgement, self._shown(error, origin)).envelope, cause
        except Exception as fault:  # noqa: BLE001  a bug in a handler is an answer too
            cause.undo()
            return _refusal(judgement, self._host_error(fault)).envelope, cause

    def _allowed(self, judgement: Judgement, cause: Cause) -> Command:
        """The command of a request that may be carried out now, or had begun while it might."""
        refusal = judgement.refusal
        is_late = isinstance(refusal, RequestExpired) and judgement.params is not None
        if refusal is not None and not (is_late and self._has_begun(judgement, cause)):
            raise refusal
        if judgement.command is None:
            raise UsageError("no command was named")
        return judgement.command

    def _allowed_params(self, judgement: Judgement, origin: Origin, cause: Cause) -> Any:
        """The arguments of a request that may be carried out: granted, or begun when it was.

        They name the mission's folder: what was judged is what is used.
        """
        self._find_mission(judgement)
        params: Any = judgement.params
        if origin.door == ids.MAILBOX:
            params = self._granted(judgement, origin, cause)
        if getattr(params, "mission", None) is None or judgement.mission is None:
            return params
        if judgement.mission.refusal is not None:
            raise judgement.mission.refusal
        return replace(params, mission=judgement.mission.slug)

    def _granted(self, judgement: Judgement, origin: Origin, cause: Cause) -> Any:
        """The arguments of a granted request; those of a merge name the target that was judged."""
        params: Any = judgement.params
        access, mission = self._host.access(), judgement.mission
        try:
            access.require(judgement, origin.identity)
            if mission is None or not mission.slug or not hasattr(params, "target"):
                return params
            own = self._host.services().missions.own_target(mission.slug)
            access.require_merge(origin.identity, params.target, own=own, pushes=params.push)
            return replace(params, target=own if params.target is None else params.target)
        except NotAuthorized:
            if self._has_begun(judgement, cause):
                return params
            raise

    def _find_mission(self, judgement: Judgement) -> None:
        selector: str | None = getattr(judgement.params, "mission", None)
        if selector is not None and judgement.mission is None:
            judgement.mission = self._look_up(selector)

    def _has_begun(self, judgement: Judgement, cause: Cause) -> bool:
        self._find_mission(judgement)
        mission = judgement.mission
        changes = judgement.command is not None and judgement.command.changes_state
        if mission is None or not mission.slug or not changes:
            return False
        return self._host.services().recording.has_begun(mission.slug, cause)

    def _look_up(self, selector: str) -> Lookup:
        if not selector:
            return Lookup()
        try:
            return Lookup(selector=selector, slug=self._host.find_mission(selector))
        except SpecKittyError as error:
            return Lookup(selector=selector, refusal=error)
        except Exception as fault:  # noqa: BLE001  a worker asks before it answers, and goes on
            return Lookup(selector=selector, refusal=self._host_error(fault))

    def _shown(self, error: SpecKittyError, origin: Origin) -> SpecKittyError:
        if origin.door != ids.MAILBOX:
            return error
        return self._host.access().shown(error, origin.identity)

    def _as_seen(self, data: dict[str, Any], origin: Origin) -> dict[str, Any]:
        if origin.door != ids.MAILBOX:
            return data
        return self._host.access().as_seen(data, origin.identity)

    def _host_error(self, fault: Exception) -> HostError:
        where = self._host.report_fault(fault)
        return HostError(f"the host failed in a way that is its own fault; details are in {where}")


def _is_journaled(judgement: Judgement) -> bool:
    """At the command line: what may have changed something; not reads, not what nobody understood."""
    changes = judgement.command is not None and judgement.command.changes_state
    return changes and not isinstance(judgement.refusal, UsageError)


def _refusal(judgement: Judgement, error: SpecKittyError) -> Answer:
    correlation_id = judgement.request.correlation_id
    return Answer(envelope=refused(judgement.wire_name, correlation_id, error))
