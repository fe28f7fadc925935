"""Use cases that record notes and subtask marks without moving a package."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from specify_cli import clock, ids, nearest
from specify_cli.core import claims
from specify_cli.core.events import Annotated, Event, JsonObject
from specify_cli.core.move_intent import MoveIntent, SubtaskMarks
from specify_cli.errors import UsageError, error_details
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.liveness import acting
from specify_cli.workflow.mission import LONGEST_SHOWN, OpenMission
from specify_cli.workflow.mission_changes import changing_mission


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteReport:
    """The notes or marks that were recorded for packages of a mission; `unchanged` are subtasks."""

    mission: MissionIdentity
    wp_ids: tuple[str, ...]
    entry_ids: tuple[str, ...]
    unchanged: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageNotes:
    """Record notes and subtask marks of the packages of a mission."""

    project: Project

    def append_history(
        self, selector: str, wp_id: str, *, actor: str, note: str, context: RequestContext
    ) -> NoteReport:
        """Append the note to the package's history.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            WorkPackageAlreadyClaimed: another actor holds the package.
            TransitionRejected: a guard refuses the move.
            StorageFailed: the disk or git refused.
        """
        with acting(self.project, selector, wp_id, actor=actor, cause=context) as mission:
            events = _recorded(mission, context)
            if not events:
                _check_admitted(mission, wp_id, actor)
                events = [_annotated(wp_id, {"note": note}, actor=actor, context=context)]
                mission.append(events, context)
            return _note_report(mission, [wp_id], events)

    def mark_subtasks(
        self, selector: str, marks: SubtaskMarks, *, actor: str, context: RequestContext
    ) -> NoteReport:
        """Mark the subtasks in one append; nothing is recorded for those that have this status.

        Raises:
            MissionNotFound: there is no such mission.
            WorkPackageNotFound: the mission has no such package.
            UsageError: no package has one of the subtasks.
            WorkPackageAlreadyClaimed: another actor holds a package.
            TransitionRejected: a guard refuses the marks.
            StorageFailed: the disk refused.
        """
        with changing_mission(self.project, selector) as mission:
            owners = _owners(mission, marks)
            events, unchanged = _recorded(mission, context), list[str]()
            if not events:
                for wp_id in owners:
                    with error_details(wp_id=wp_id):
                        _check_admitted(mission, wp_id, actor)
                is_done = marks.status == "done"
                unchanged = [y for ticks in owners.values() for y in ticks if ticks[y] is is_done]
                due = {
                    x: [y for y in ticks if ticks[y] is not is_done] for x, ticks in owners.items()
                }
                events = [
                    _annotated(
                        wp_id,
                        {"subtasks": dict.fromkeys(names, marks.status)},
                        actor=actor,
                        context=context,
                    )
                    for wp_id, names in due.items()
                    if names
                ]
                if events:
                    mission.append(events, context)
            report = _note_report(mission, list(owners), events)
            return replace(report, unchanged=tuple(unchanged))


def _check_admitted(mission: OpenMission, wp_id: str, actor: str) -> None:
    package = mission.state_of(wp_id)
    intent = MoveIntent(wp_id=wp_id, actor=actor, to=package.lane)
    claims.check_admitted(package, intent, mission=mission.shell_name)


def _recorded(mission: OpenMission, context: RequestContext) -> Sequence[Event]:
    return context.claim(mission.log.caused_by(context.correlation_id, context.identity))


def _owners(mission: OpenMission, marks: SubtaskMarks) -> dict[str, dict[str, bool]]:
    """Return the given subtasks of each package, by package id, and whether they are done."""
    homes = [*mission.packages]
    if marks.wp_id is not None:
        with error_details(wp_id=marks.wp_id[:LONGEST_SHOWN]):
            homes = [mission.package(marks.wp_id).wp_id]
    owners: dict[str, dict[str, bool]] = {}
    # Made once: a request can have tens of thousands of names, and other requests wait for its answer.
    ticks = {x: mission.subtask_ticks(x) for x in homes}
    home_of = {name: x for x in reversed(homes) for name in ticks[x]}
    for name in _expanded(mission, marks.names):
        home = home_of.get(name)
        if home is None:
            whose = f"{marks.wp_id} does not have" if marks.wp_id else "no package has"
            raise UsageError(
                f"mission {mission.slug}: {whose} the subtask {name[:80]!r}:"
                " see the front matter of its prompts, or the checkboxes in tasks.md"
                f"{nearest.guess(name, _names(mission))}"
            )
        owners.setdefault(home, {})[name] = ticks[home][name]
    return owners


def _names(mission: OpenMission) -> list[str]:
    return [
        *mission.packages,
        *(name for x in mission.packages for name in mission.subtask_ticks(x)),
    ]


def _expanded(mission: OpenMission, names: Sequence[str]) -> Iterator[str]:
    """Replace the id of a package by all its subtasks; leave out repeated names."""
    for name in dict.fromkeys(names):
        yield from mission.subtask_ticks(name) if name in mission.packages else (name,)


def _annotated(wp_id: str, delta: JsonObject, *, actor: str, context: RequestContext) -> Annotated:
    return Annotated(
        event_id=ids.ulid(),
        at=clock.timestamp(),
        actor=actor,
        wp_id=wp_id,
        delta=delta,
        policy_metadata=context.policy,
        correlation_id=context.correlation_id,
        identity=context.identity,
        request_digest=context.request_digest,
    )


def _note_report(
    mission: OpenMission, wp_ids: Sequence[str], events: Sequence[Event]
) -> NoteReport:
    return NoteReport(
        mission=mission.identity,
        wp_ids=tuple(wp_ids),
        entry_ids=tuple(ids.history_entry_id(event.event_id) for event in events),
    )
