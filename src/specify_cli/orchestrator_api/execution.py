"""Carry out a validated request, if it is authorized."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from specify_cli import ids, processes, request_facts
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
from specify_cli.orchestrator_api.request import Origin, for_intent
from specify_cli.orchestrator_api.validated_request import ValidatedRequest
from specify_cli.orchestrator_api.values import replace
from specify_cli.storage.request_file import Lookup, Unchanged
from specify_cli.workflow.context import Decision, Effects, RequestContext

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.access import Access


class Execution:
    """Carries out validated requests for one host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def carry_out(
        self, judgement: ValidatedRequest, origin: Origin, decision: Decision | None = None
    ) -> tuple[Envelope, RequestContext]:
        """Carry out the request; return its envelope and its context with the effects.

        Raises:
            Unfinished: It has taken effect, and its answer could not be recorded.
            Unchanged: It can wait for a change.
        """
        correlation_id = judgement.request.correlation_id
        # The operator may change the grants meanwhile.
        judgement.access = self._host.access() if origin.door == ids.MAILBOX else None
        cause = RequestContext(
            correlation_id=correlation_id,
            identity=origin.scope or None,
            request_digest=judgement.digest,
            effects=Effects(),
            policy=judgement.policy,
            decision=decision,
            call=partial(for_intent, judgement.request, origin),
            covers_mission=partial(_covers_mission, judgement.access, origin),
        )
        try:
            command = self._allowed(judgement, cause)
            params = self._allowed_params(judgement, origin, cause)
            with processes.doing(f"{command.name} {correlation_id}"), request_facts.kept():
                data = self._data(judgement, cause, command=command, params=params)
            seen = judgement.access.as_seen(data, origin.identity) if judgement.access else data
            return succeeded(judgement.wire_name, correlation_id, seen), cause
        except (Unfinished, Unchanged):
            raise
        except SpecKittyError as error:
            cause.undo()
            shown = judgement.access.shown(error, origin.identity) if judgement.access else error
            return refusal(judgement, shown), cause
        except Exception as fault:  # noqa: BLE001  a bug in a handler is an answer too
            cause.undo()
            return refusal(judgement, self.host_error(fault)), cause

    def _data(
        self, judgement: ValidatedRequest, cause: RequestContext, *, command: Command, params: Any
    ) -> dict[str, Any]:
        services = self._host.services
        # Read before the state, so that no change in between is missed.
        mark = services().missions.mark(params.mission) if command.add_position else None
        result = command.handle(params, cause, services)
        if judgement.request.redacted and isinstance(result, MissionResult):
            result = replace(result, redacted=judgement.request.redacted)
        data = result.as_data()
        if command.add_position is not None and mark is not None:
            command.add_position(data, judgement, mark)
        return data

    def _allowed(self, judgement: ValidatedRequest, cause: RequestContext) -> Command:
        """Return the command of a request that is valid, or was begun while it was."""
        refusal = judgement.refusal
        is_late = isinstance(refusal, RequestExpired) and judgement.params is not None
        if refusal is not None and not (is_late and self._has_begun(judgement, cause)):
            raise refusal
        if judgement.command is None:
            raise UsageError("the command is missing")
        return judgement.command

    def _allowed_params(
        self, judgement: ValidatedRequest, origin: Origin, cause: RequestContext
    ) -> Any:
        """Return the arguments of an authorized request, or of one that was begun while it was.

        They name the mission by its folder, so that the authorized mission is the one used.
        """
        self._find_mission(judgement)
        params: Any = judgement.params
        if judgement.access is not None:
            params = self._granted(judgement, judgement.access, origin=origin, cause=cause)
        if getattr(params, "mission", None) is None or judgement.lookup is None:
            return params
        if judgement.lookup.refusal is not None:
            raise judgement.lookup.refusal
        slug = judgement.lookup.slug
        return params if params.mission == slug else replace(params, mission=slug)

    def _granted(
        self, judgement: ValidatedRequest, access: Access, *, origin: Origin, cause: RequestContext
    ) -> Any:
        """Return the arguments of a granted request; those of a merge name the granted target."""
        params: Any = judgement.params
        lookup = judgement.lookup
        try:
            access.require(judgement, origin.identity)
            if lookup is None or not lookup.slug or not hasattr(params, "target"):
                return params
            own = self._host.services().missions.own_target(lookup.slug)
            access.require_merge(origin.identity, params.target, own=own, pushes=params.push)
            return replace(params, target=own if params.target is None else params.target)
        except NotAuthorized:
            if self._has_begun(judgement, cause):
                return params
            raise

    def _find_mission(self, judgement: ValidatedRequest) -> None:
        selector: str | None = getattr(judgement.params, "mission", None)
        if selector is not None and judgement.lookup is None:
            judgement.lookup = self.look_up(selector)

    def _has_begun(self, judgement: ValidatedRequest, cause: RequestContext) -> bool:
        self._find_mission(judgement)
        lookup = judgement.lookup
        changes = judgement.command is not None and judgement.command.changes_state
        if lookup is None or not lookup.slug or not changes:
            return False
        return self._host.services().request_intents.has_begun(lookup.slug, cause)

    def look_up(self, selector: str, *, is_whole: bool = True, is_batched: bool = False) -> Lookup:
        """Look up the mission; the result has the error if there is none."""
        slug, refusal = "", None
        try:
            slug = self._host.find_mission(selector) if selector else ""
        except SpecKittyError as error:
            refusal = error
        except Exception as fault:  # noqa: BLE001  a worker must go on
            refusal = self.host_error(fault)
        return Lookup(
            selector=selector,
            slug=slug,
            refusal=refusal,
            is_whole=is_whole,
            is_batched=is_batched,
        )

    def host_error(self, fault: Exception) -> HostError:
        """Return the refusal for a fault of the host; its traceback is written to a file."""
        where = self._host.report_fault(fault)
        return HostError(f"the host has failed because of a bug; see {where}")


def _covers_mission(access: Access | None, origin: Origin, slug: str) -> bool:
    if access is None:
        return True
    grant = access.of(origin.identity)
    return grant is not None and grant.covers_mission(slug)


def refusal(judgement: ValidatedRequest, error: SpecKittyError) -> Envelope:
    """Return the envelope of a refused request."""
    return refused(judgement.wire_name, judgement.request.correlation_id, error)
