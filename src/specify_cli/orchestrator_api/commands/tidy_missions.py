"""tidy-missions: remove the branches of merged missions."""

from __future__ import annotations

from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Cause, Command, Result, UseCases
from specify_cli.orchestrator_api.texts import MISSION, Name
from specify_cli.orchestrator_api.values import Value, argument


class TidyMissionsParams(Params):
    """Arguments of tidy-missions."""

    mission: Name | None = argument(f"{MISSION} Default: every merged mission.", default=None)
    is_dry: bool = argument("Only show what would be removed.", default=False)


class TidyBranch(Value):
    """A branch at its commit; `problem` says why it is kept."""

    mission_slug: str
    branch: str
    commit: str
    problem: str | None


class TidyMissionsResult(Result):
    """Data of tidy-missions."""

    branches: list[TidyBranch]


def handle(params: TidyMissionsParams, cause: Cause, services: UseCases) -> TidyMissionsResult:
    """Remove the branches, or only list them."""
    found = services().tidying.tidy(params.mission, is_dry=params.is_dry)
    return TidyMissionsResult(
        branches=[
            TidyBranch(mission_slug=it.slug, branch=it.branch, commit=it.commit, problem=it.problem)
            for it in found
        ]
    )


COMMAND = Command(
    name="tidy-missions",
    params=TidyMissionsParams,
    handle=handle,
    changes_state=True,
    is_for_people=True,
    example="spec-kitty mission tidy 001-search",
)
