"""Who may do what: requests of the mailbox judged by what the operator grants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from specify_cli.errors import MissionAmbiguous, MissionNotFound, NotAuthorized, SpecKittyError
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.grants import Grant
from specify_cli.orchestrator_api.validated_request import ValidatedRequest
from specify_cli.storage.request_file import Lookup


@dataclass(frozen=True, slots=True)
class Access:
    """The grants of a project."""

    grants: Sequence[Grant]

    def of(self, identity: str) -> Grant | None:
        """What the orchestrator is granted; None where it is not listed."""
        return next((grant for grant in self.grants if grant.identity == identity), None)

    def require(self, judgement: ValidatedRequest, identity: str) -> None:
        """The orchestrator may have the request carried out, on the mission that was looked up.

        Raises: NotAuthorized.
        """
        grant = self.of(identity)
        if grant is None:
            raise _refused(identity, "anything")
        params, command = judgement.params, judgement.command
        if command is None or params is None or command.name not in grant.commands:
            raise _refused(identity, f"the command {command.name if command else ''}", "commands")
        if command.is_force_for_people and getattr(params, "force", False):
            raise NotAuthorized(
                f"force of {command.name} is granted to no orchestrator: send it without force, or"
                " leave it to a person at the command line"
            )
        _check_actor(grant, params)
        field = grant.refused_policy(judgement.policy)
        if field is not None:
            raise _refused(identity, f"the declared value of {field}", f"policy.{field}")
        _check_mission(grant, judgement.mission or Lookup())

    def require_merge(self, identity: str, target: str | None, *, own: str, pushes: bool) -> None:
        """The orchestrator may have `target` moved, else `own`, the mission's; and pushed.

        Raises: NotAuthorized.
        """
        grant = self.of(identity)
        if grant is None:
            raise _refused(identity, "anything")
        _check_merge(grant, target, own=own, pushes=pushes)

    def shown(self, error: SpecKittyError, identity: str) -> SpecKittyError:
        """The refusal as the orchestrator may see it: without missions that it is not granted."""
        grant = self.of(identity)
        if grant is None or grant.missions is None:
            return error
        if isinstance(error, MissionNotFound):
            return _no_mission()
        if isinstance(error, MissionAmbiguous):
            return _shown_candidates(error, grant)
        return error

    def as_seen(self, data: dict[str, Any], identity: str) -> dict[str, Any]:
        """The data of a success with every path as the orchestrator sees it."""
        grant = self.of(identity)
        if grant is None or not grant.paths:
            return data
        seen: dict[str, Any] = grant.as_seen(data)
        return seen


def _check_actor(grant: Grant, params: Params) -> None:
    if not hasattr(params, "actor"):
        return
    actor: str | None = params.actor
    if not grant.covers_actor(actor):
        whom = "no actor" if actor is None else f"the actor {actor[:80]!r}"
        raise _refused(grant.identity, f"to act as {whom}", "actors")


def _check_mission(grant: Grant, mission: Lookup) -> None:
    if mission.selector and not grant.covers_mission(mission.slug or mission.selector):
        # The same words whether there is such a mission or not.
        raise _refused(grant.identity, f"the mission {mission.selector[:80]!r}", "missions")


def _check_merge(grant: Grant, target: str | None, *, own: str, pushes: bool) -> None:
    if not grant.covers_target(own if target is None else target, own=own):
        # The same words whether there is such a branch or not.
        where = "the mission's own branch" if target is None else f"{target[:80]!r}"
        raise _refused(grant.identity, f"a merge into {where}", "targets")
    if pushes and not grant.push:
        raise _refused(grant.identity, "to push", "push")


def _no_mission() -> MissionNotFound:
    return MissionNotFound("no such mission among those that are granted: name one by its folder")


def _shown_candidates(error: MissionAmbiguous, grant: Grant) -> SpecKittyError:
    candidates: Any = error.details.get("candidates", [])
    shown = [name for name in candidates if grant.covers_mission(name)]
    if not shown:
        return _no_mission()
    return MissionAmbiguous("it fits several missions: name one by its folder", candidates=shown)


def _refused(identity: str, what: str, key: str = "") -> NotAuthorized:
    place = f"orchestrators.{identity}{'.' if key else ''}{key}"
    return NotAuthorized(
        f"the orchestrator {identity} is not granted {what}: the operator grants it in"
        f" .kitty/config.toml, at {place}, and starts the worker again"
    )
