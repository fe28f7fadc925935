"""The use case that rewinds a mission to its state after an earlier event."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from specify_cli import clock, ids
from specify_cli.core.events import Event, Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.core.state import MissionState, PackageState, replay
from specify_cli.errors import PreflightFailed, UsageError
from specify_cli.storage import event_lines, records
from specify_cli.storage.event_lines import batch_of, json_object
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.workflow import merge_intent
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission, open_mission
from specify_cli.workflow.mission_changes import changing_mission

REWOUND = "MissionRewound"
"""The `event_type` of the line that records a rewind in the mission's log; other programs ignore it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindOptions:
    """How to rewind a mission.

    Attributes:
        event_id: The last event to keep.
        actor: Who asks, if known.
        force: Whether to rewind even if somebody works on a package.
        newest: The expected last event, if any; the rewind is refused if another one follows.
    """

    event_id: str
    actor: str | None = None
    force: bool = False
    newest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawnLine:
    """A line that is withdrawn; `wp_id` is None if it is not about a package."""

    event_id: str
    at: str
    actor: str
    what: str
    wp_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A package whose state changes; `holder` works on it before, `next_holder` afterwards."""

    wp_id: str
    from_lane: Lane
    to_lane: Lane
    holder: str | None
    next_holder: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RewindReport:
    """The withdrawn lines, oldest first, and the packages that change; `newest` is the last event before the rewind.

    If the mission is in that state already, nothing is withdrawn and there are no obstacles.
    """

    mission: MissionIdentity
    to_event: str
    newest: str
    withdrawn: Sequence[WithdrawnLine]
    packages: Sequence[PackageChange]
    obstacles: Sequence[str]


@dataclass(frozen=True, slots=True)
class Rewinding:
    """Withdraw the events after a given one; commits, branches and workspaces are unchanged."""

    project: Project

    def show(self, selector: str, options: RewindOptions) -> RewindReport:
        """Return what would be withdrawn, and what prevents it.

        Raises:
            MissionNotFound: there is no such mission.
            UsageError: the arguments do not fit.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        return self._plan(open_mission(self.project, selector), options)[0]

    def rewind(
        self,
        selector: str,
        options: RewindOptions,
        *,
        actor: str,
        reason: str,
        context: RequestContext,
    ) -> RewindReport:
        """Withdraw the events by an entry that names the actor and the reason; do nothing if there are none.

        Raises:
            MissionNotFound: there is no such mission.
            UsageError: the arguments do not fit.
            PreflightFailed: something is in the way; every obstacle is named.
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        with changing_mission(self.project, selector) as mission:
            report, end = self._plan(mission, options)
            obstacles = [*report.obstacles]
            if report.withdrawn and options.newest not in (None, report.newest):
                obstacles.append(
                    f"the mission changed since it was shown: the last event is now {report.newest}; review it and try again"
                )
            if obstacles:
                raise PreflightFailed("; ".join(obstacles), errors=obstacles)
            if report.withdrawn:
                line = _line(report, actor=actor, reason=reason, context=context)
                prepared = mission.files.log.withdrawing(end, line)
            else:
                # An earlier rewind may have been killed before it wrote the file.
                prepared = mission.files.log.prepared(())
            if context.decision is not None:
                context.decision.add((), prepared)
                mission.decisions.append(context.decision)
            return report

    def _plan(self, mission: OpenMission, options: RewindOptions) -> tuple[RewindReport, int]:
        lines = mission.files.log.view().lines
        end = self._end_of_kept_lines(options.event_id, lines, mission.slug)
        path = mission.files.log.path
        before = event_lines.parse_lines(enumerate(lines[:end], start=1), path).events
        gone = mission.log.events[len(before) :]
        behind = lines[end:] if gone or not all(map(_is_rewinding, lines[end:])) else ()
        packages = [*_moved(mission.state, replay(before))]
        report = RewindReport(
            mission=mission.identity,
            to_event=options.event_id,
            newest=_fields(lines[-1]).get("event_id") or "",
            withdrawn=[*map(_withdrawn, behind)],
            packages=packages if behind else (),
            obstacles=[*self._obstacles(mission, gone, packages, options=options)]
            if behind
            else (),
        )
        return report, end

    def _end_of_kept_lines(self, event_id: str, lines: Sequence[bytes], slug: str) -> int:
        """How many lines stay."""
        for number, line in enumerate(lines, start=1):
            fields = _fields(line)
            if fields.get("event_id") != event_id:
                continue
            position, size = batch_of(fields)
            if position < size:
                last = _fields(lines[number + size - position - 1]).get("event_id")
                raise UsageError(
                    f"event {event_id} and the {size - position} after it are one step: use the last"
                    f" of them, {last}, or an event before them"
                )
            return number
        raise UsageError(self._unknown(event_id, slug))

    def _unknown(self, event_id: str, slug: str) -> str:
        for other in all_missions(self.project):
            kept = MissionFiles(self.project, other).log.view().kept
            if event_id in kept.withdrawn_events():
                return (
                    f"event {event_id} of mission {other} was withdrawn before: use one that is"
                    f" in kitty-specs/{other}/status.events.jsonl"
                )
            if any(_fields(line).get("event_id") == event_id for line in kept.lines):
                return f"event {event_id} belongs to mission {other}, not to {slug}"
        return (
            f"mission {slug} has no event {event_id!r}: see kitty-specs/{slug}/status.events.jsonl"
        )

    def _obstacles(
        self,
        mission: OpenMission,
        gone: Sequence[Event],
        packages: Sequence[PackageChange],
        *,
        options: RewindOptions,
    ) -> Iterator[str]:
        intent = merge_intent.pending(mission.files)
        if intent is not None and not intent.is_complete:
            yield f"a merge of mission {mission.slug} is in progress: complete it with 'spec-kitty merge'"
        moves = (it for it in gone if isinstance(it, Transitioned))
        merge = (Lane.APPROVED, Lane.DONE)
        done = [it.wp_id for it in moves if (it.from_lane, it.to_lane) == merge]
        if done:
            yield f"{', '.join(done)} was merged since: what is in {mission.target_branch} is not withdrawn"
        elif gone and self._has_merged(mission, since=gone[0].at):
            yield f"mission {mission.slug} was merged since: what is in {mission.target_branch} is not withdrawn"
        for it in packages:
            if it.holder is not None and not options.force:
                held = f"{it.wp_id} is {it.from_lane}, held by {it.holder}"
                is_own = it.holder == options.actor
                advice = (
                    "that is you: use --force" if is_own else "ask them to stop, or use --force"
                )
                yield f"{held}: {advice}"

    def _has_merged(self, mission: OpenMission, *, since: str) -> bool:
        """Whether a request has merged the mission; without approved packages, a merge has no event."""
        record = records.found(self.project)
        for _, line in record.published() if record else ():
            if b'"command":"orchestrator-api.merge-mission"' not in line:
                continue
            fields = _fields(line)
            envelope = fields.get("envelope") or {}
            data = envelope.get("data") or {}
            is_it = data.get("mission_slug") == mission.slug
            if is_it and envelope.get("success") and str(fields.get("at")) >= since:
                return True
        return False


def _moved(before: MissionState, after: MissionState) -> Iterator[PackageChange]:
    for wp_id in sorted({*before.packages, *after.packages}):
        old, new = before.of(wp_id), after.of(wp_id)
        if _stand(old) != _stand(new):
            yield PackageChange(
                wp_id=wp_id,
                from_lane=old.lane,
                to_lane=new.lane,
                holder=old.holder,
                next_holder=new.holder,
            )


def _stand(package: PackageState) -> tuple[object, ...]:
    return package.lane, package.holder, package.commit, package.contested


def _is_rewinding(line: bytes) -> bool:
    """Whether the line records a rewind."""
    return _fields(line).get("event_type") == REWOUND


def _withdrawn(line: bytes) -> WithdrawnLine:
    fields = _fields(line)
    wp_id = fields.get("wp_id")
    return WithdrawnLine(
        event_id=str(fields.get("event_id") or ""),
        at=str(fields.get("at") or fields.get("timestamp") or ""),
        actor=str(fields.get("actor") or ""),
        what=_what(fields),
        wp_id=wp_id if isinstance(wp_id, str) else None,
    )


def _what(fields: Mapping[str, Any]) -> str:
    if "to_lane" in fields:
        return f"{fields.get('from_lane')} -> {fields['to_lane']}"
    return str(fields.get("kind") or fields.get("event_type") or "another line")


def _line(report: RewindReport, *, actor: str, reason: str, context: RequestContext) -> bytes:
    fields = {
        "event_id": ids.ulid(),
        "at": clock.timestamp(),
        "actor": actor,
        "mission_slug": report.mission.slug,
        "event_type": REWOUND,
        "to_event": report.to_event,
        "withdrawn": [it.event_id for it in report.withdrawn],
        "reason": reason,
        "correlation_id": context.correlation_id,
        "request_digest": context.request_digest,
    }
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


def _fields(line: bytes) -> dict[str, Any]:
    return json_object(line) or {}
