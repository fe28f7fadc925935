"""Who may do what: requests of the mailbox judged by what the operator grants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from specify_cli.errors import MissionAmbiguous, MissionNotFound, NotAuthorized, SpecKittyError
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.grants import Grant
from specify_cli.orchestrator_api.judgement import Judgement

# The folder name of the one mission that a selector names.
FindMission = Callable[[str], str | None]
AnyParams = TypeVar("AnyParams", bound=Params)


@dataclass(frozen=True, slots=True)
class Access:
    """The grants of a project."""

    grants: Sequence[Grant]

    def of(self, identity: str) -> Grant | None:
        """What the orchestrator is granted; None where it is not listed."""
        return next((grant for grant in self.grants if grant.identity == identity), None)

    def permitted(self, judgement: Judgement, identity: str, find: FindMission) -> Any:
        """The arguments of a request that the orchestrator may have carried out.

        Where its missions are restricted they name the folder that was judged, so that the same one
        is found when the request is carried out.
        Raises: NotAuthorized; MissionNotFound for a granted name without a mission.
        """
        grant = self.of(identity)
        if grant is None:
            raise _refused(identity, "anything")
        params, command = judgement.params, judgement.command
        if command is None or params is None or command.name not in grant.commands:
            raise _refused(identity, f"the command {command.name if command else ''}", "commands")
        _check_actor(grant, params)
        field = grant.refused_policy(judgement.policy)
        if field is not None:
            raise _refused(identity, f"the declared value of {field}", f"policy.{field}")
        return _check_mission(grant, params, find)

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


def _check_mission(grant: Grant, params: AnyParams, find: FindMission) -> AnyParams:
    selector = getattr(params, "mission", None)
    if grant.missions is None or selector is None:
        return params
    slug = find(selector)
    if not grant.covers_mission(slug or selector):
        # The same words whether there is such a mission or not.
        raise _refused(grant.identity, f"the mission {selector[:80]!r}", "missions")
    return params if slug is None else replace(params, mission=slug)  # type: ignore[call-arg]


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
