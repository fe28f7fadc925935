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
        """Return the grant of the orchestrator; None if it is not listed."""
        return next((grant for grant in self.grants if grant.identity == identity), None)

    def require(self, judgement: ValidatedRequest, identity: str) -> None:
        """Require that the orchestrator may send this request for its mission.

        Raises:
            NotAuthorized: The grant does not cover it, or there is none.
        """
        grant = self.of(identity)
        if grant is None:
            raise _refused(identity, "anything")
        params, command = judgement.params, judgement.command
        if command is None or params is None or command.name not in grant.commands:
            raise _refused(identity, f"the command {command.name if command else ''}", "commands")
        if command.is_force_for_people and getattr(params, "force", False):
            raise NotAuthorized(
                f"no orchestrator may use force with {command.name}: send the request without force, or"
                " ask a person to run the command"
            )
        _check_actor(grant, params)
        field = grant.refused_policy(judgement.policy)
        if field is not None:
            raise _refused(identity, f"the declared value of {field}", f"policy.{field}")
        lookup = judgement.lookup or Lookup()
        if lookup.selector and not grant.covers_mission(lookup.slug or lookup.selector):
            # The same message whether the mission exists or not.
            raise _refused(grant.identity, f"the mission {lookup.selector[:80]!r}", "missions")

    def require_merge(self, identity: str, target: str | None, *, own: str, pushes: bool) -> None:
        """Require that the orchestrator may merge into `target`, by default `own`, and push.

        Raises:
            NotAuthorized: The grant does not cover it, or there is none.
        """
        grant = self.of(identity)
        if grant is None:
            raise _refused(identity, "anything")
        if not grant.covers_target(own if target is None else target, own=own):
            # The same message whether the branch exists or not.
            where = "the mission's own branch" if target is None else f"{target[:80]!r}"
            raise _refused(grant.identity, f"a merge into {where}", "targets")
        if pushes and not grant.push:
            raise _refused(grant.identity, "to push", "push")

    def shown(self, error: SpecKittyError, identity: str) -> SpecKittyError:
        """Return the refusal without missions that the orchestrator is not granted."""
        grant = self.of(identity)
        if grant is None or grant.missions is None:
            return error
        if isinstance(error, MissionNotFound):
            return _no_mission()
        if isinstance(error, MissionAmbiguous):
            candidates: Any = error.details.get("candidates", [])
            shown = [name for name in candidates if grant.covers_mission(name)]
            if not shown:
                return _no_mission()
            return MissionAmbiguous(
                "it matches several missions: name one by its folder", candidates=shown
            )
        return error

    def as_seen(self, data: dict[str, Any], identity: str) -> dict[str, Any]:
        """Return the data with each path as the orchestrator sees it."""
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


def _no_mission() -> MissionNotFound:
    return MissionNotFound("no such mission among those that are granted: name one by its folder")


def _refused(identity: str, what: str, key: str = "") -> NotAuthorized:
    place = f"orchestrators.{identity}{'.' if key else ''}{key}"
    return NotAuthorized(
        f"the orchestrator {identity} is not granted {what}: the operator grants it in"
        f" .kitty/config.toml, at {place}, and runs 'spec-kitty mailbox reload'"
    )
