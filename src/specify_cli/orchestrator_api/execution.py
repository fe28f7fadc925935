"""What a request asks for is done, where it may be."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from specify_cli import ids, processes
from specify_cli.errors import (
    HostError,
    NotAuthorized,
    RequestExpired,
    SpecKittyError,
    Unfinished,
    UsageError,
)
from specify_cli.orchestrator_api.command import Command, MissionResult
from specify_cli.orchestrator_api.envelope import Envelope, refused, succeeded
from specify_cli.orchestrator_api.host import Host
from specify_cli.orchestrator_api.request import Origin, as_call
from specify_cli.orchestrator_api.validated_request import ValidatedRequest
from specify_cli.storage.request_file import Lookup
from specify_cli.workflow.context import Decision, Effects, RequestContext


class Execution:
    """Carries out what was judged, on behalf of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def carry_out(
        self, judgement: ValidatedRequest, origin: Origin, decision: Decision | None = None
    ) -> tuple[Envelope, RequestContext]:
        """The envelope that answers it, and what it has brought about.

        Raises: Unfinished, where its effects are there and its answer is not.
        """
        correlation_id = judgement.request.correlation_id
        cause = RequestContext(
            correlation_id=correlation_id,
            identity=origin.scope or None,
            request_digest=judgement.digest,
            effects=Effects(),
            policy=judgement.policy,
            decision=decision,
            call=partial(as_call, judgement.request, origin),
        )
        try:
            command = self._allowed(judgement, cause)
            params = self._allowed_params(judgement, origin, cause)
            with processes.doing(f"{command.name} {correlation_id}"):
                result = command.handle(params, cause, self._host.services)
            if judgement.request.redacted and isinstance(result, MissionResult):
                result = replace(result, redacted=judgement.request.redacted)
            data = self._as_seen(result.as_data(), origin)
            return succeeded(judgement.wire_name, correlation_id, data), cause
        except Unfinished:
            raise
        except SpecKittyError as error:
            cause.undo()
            return refusal(judgement, self._shown(error, origin)), cause
        except Exception as fault:  # noqa: BLE001  a bug in a handler is an answer too
            cause.undo()
            return refusal(judgement, self.host_error(fault)), cause

    def _allowed(self, judgement: ValidatedRequest, cause: RequestContext) -> Command:
        """The command of a request that may be carried out now, or had begun while it might."""
        refusal = judgement.refusal
        is_late = isinstance(refusal, RequestExpired) and judgement.params is not None
        if refusal is not None and not (is_late and self._has_begun(judgement, cause)):
            raise refusal
        if judgement.command is None:
            raise UsageError("no command was named")
        return judgement.command

    def _allowed_params(
        self, judgement: ValidatedRequest, origin: Origin, cause: RequestContext
    ) -> Any:
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
        slug = judgement.mission.slug
        return params if params.mission == slug else replace(params, mission=slug)

    def _granted(self, judgement: ValidatedRequest, origin: Origin, cause: RequestContext) -> Any:
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

    def _find_mission(self, judgement: ValidatedRequest) -> None:
        selector: str | None = getattr(judgement.params, "mission", None)
        if selector is not None and judgement.mission is None:
            judgement.mission = self.look_up(selector)

    def _has_begun(self, judgement: ValidatedRequest, cause: RequestContext) -> bool:
        self._find_mission(judgement)
        mission = judgement.mission
        changes = judgement.command is not None and judgement.command.changes_state
        if mission is None or not mission.slug or not changes:
            return False
        return self._host.services().request_intents.has_begun(mission.slug, cause)

    def look_up(self, selector: str, *, is_whole: bool = True, is_batched: bool = False) -> Lookup:
        """The mission that the selector names, or why there is none."""
        slug, refusal = "", None
        try:
            slug = self._host.find_mission(selector) if selector else ""
        except SpecKittyError as error:
            refusal = error
        except Exception as fault:  # noqa: BLE001  a worker asks before it answers, and goes on
            refusal = self.host_error(fault)
        return Lookup(
            selector=selector,
            slug=slug,
            refusal=refusal,
            is_whole=is_whole,
            is_batched=is_batched,
        )

    def _shown(self, error: SpecKittyError, origin: Origin) -> SpecKittyError:
        if origin.door != ids.MAILBOX:
            return error
        return self._host.access().shown(error, origin.identity)

    def _as_seen(self, data: dict[str, Any], origin: Origin) -> dict[str, Any]:
        if origin.door != ids.MAILBOX:
            return data
        return self._host.access().as_seen(data, origin.identity)

    def host_error(self, fault: Exception) -> HostError:
        """The refusal that a fault of the host becomes; its traceback is kept."""
        where = self._host.report_fault(fault)
        return HostError(f"the host failed in a way that is its own fault; details are in {where}")


def refusal(judgement: ValidatedRequest, error: SpecKittyError) -> Envelope:
    """The envelope of a request that is refused."""
    return refused(judgement.wire_name, judgement.request.correlation_id, error)
