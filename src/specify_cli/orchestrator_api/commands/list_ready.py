"""list-ready: the packages that can be started now."""

from __future__ import annotations

from specify_cli.orchestrator_api.command import Cause, Command, UseCases, fields_of
from specify_cli.orchestrator_api.positions import PositionedParams, PositionedResult, add_position
from specify_cli.orchestrator_api.values import Value


class ListReadyParams(PositionedParams):
    """Arguments of list-ready."""


class ReadyPackage(Value):
    """A package that can be started now."""

    wp_id: str
    lane: str
    dependencies_satisfied: bool
    recommended_base: str | None


class ListReadyResult(PositionedResult):
    """Data of list-ready."""

    ready_work_packages: list[ReadyPackage]


def handle(params: ListReadyParams, cause: Cause, services: UseCases) -> ListReadyResult:
    """Return the planned packages with satisfied dependencies, sorted by id."""
    report = services().missions.ready(params.mission)
    ready = [
        ReadyPackage(
            wp_id=package.wp_id,
            lane=package.lane.value,
            dependencies_satisfied=True,
            recommended_base=package.recommended_base,
        )
        for package in report.packages
    ]
    return ListReadyResult(**fields_of(report.mission), position="", ready_work_packages=ready)


COMMAND = Command(
    name="list-ready",
    params=ListReadyParams,
    handle=handle,
    example="spec-kitty orchestrator-api list-ready --mission 001-search",
    is_batched=True,
    add_position=add_position,
)
