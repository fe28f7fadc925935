"""The use case that accepts a mission."""

from __future__ import annotations

from dataclasses import dataclass

from specify_cli import clock, ids
from specify_cli.core import claims
from specify_cli.core.events import MissionAccepted, Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.errors import MissionNotReady, PreflightFailed
from specify_cli.storage import event_lines
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project
from specify_cli.vcs import host_commits
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import host_files, merge_intent, record_trailer, repositories
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission, open_mission
from specify_cli.workflow.mission_changes import changing_mission
from specify_cli.workflow.request_intents import intent_begun_by, intent_of, recorded_intent


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptReport:
    """An accepted mission, with its packages by status lane."""

    mission: MissionIdentity
    accepted_at: str
    approved: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    canceled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepting:
    """Accepts the missions of a project."""

    project: Project

    def accept(self, selector: str, *, actor: str, cause: RequestContext) -> AcceptReport:
        """Accept the mission, and commit the host's files of it.

        Raises:
            MissionNotFound: no mission has this slug.
            MissionNotReady: a package is neither approved, done nor canceled, or is contested.
            PreflightFailed: git could not commit.
            StorageFailed: the disk refused.
        """
        with (
            changing_mission(self.project, selector) as mission,
            repositories.changing(self.project) as repository,
        ):
            recorded = cause.claim(mission.log.caused_by(cause.correlation_id, cause.identity))
            accepted = next((it for it in recorded if isinstance(it, MissionAccepted)), None)
            if accepted is None:
                accepted = _accept(repository, mission, actor=actor, cause=cause)
            else:
                # An older release recorded it before its commit.
                _commit(repository, mission, b"", cause=cause)
            return AcceptReport(
                mission=mission.identity,
                accepted_at=accepted.at,
                approved=packages_in(mission, Lane.APPROVED),
                done=packages_in(mission, Lane.DONE),
                canceled=packages_in(mission, Lane.CANCELED),
            )

    def show(self, selector: str) -> tuple[MissionIdentity, bool]:
        """Return whether all packages are finished, one is approved, and that was not accepted since.

        Raises:
            MissionNotFound: no mission has this slug.
            StateUnreadable: the state of the project is damaged.
        """
        mission = open_mission(self.project, selector)
        accepted = False
        for event in mission.log.events:
            if isinstance(event, MissionAccepted):
                accepted = True
            elif isinstance(event, Transitioned) and event.to_lane is not Lane.DONE:
                accepted = False
        is_ready = bool(packages_in(mission, Lane.APPROVED)) and not incomplete(mission)
        return mission.identity, is_ready and not accepted and not _is_merge_begun(mission)


def _is_merge_begun(mission: OpenMission) -> bool:
    """Whether a merge was interrupted, here or in the project that this is a copy of."""
    try:
        return merge_intent.pending(mission.files) is not None
    except PreflightFailed:
        return True


def packages_in(mission: OpenMission, lane: Lane) -> tuple[str, ...]:
    """Return the ids of the packages in the status lane."""
    return tuple(x for x in mission.packages if mission.state_of(x).lane is lane)


def incomplete(mission: OpenMission) -> list[str]:
    """Return the packages that are contested, or neither approved, done nor canceled."""
    finished = (Lane.APPROVED, Lane.DONE, Lane.CANCELED)
    states = ((x, mission.state_of(x)) for x in mission.packages)
    return [x for x, state in states if state.lane not in finished or state.contested is not None]


def check_ready(mission: OpenMission) -> None:
    """Require that every package is approved, done or canceled, and that one is not canceled.

    Raises:
        MissionNotReady: naming the other packages.
    """
    missing = incomplete(mission)
    if missing:
        states = {x: mission.state_of(x) for x in missing}
        lanes = ", ".join(
            claims.contest(state, x, mission=mission.shell_name) or f"{x} is {state.lane}"
            for x, state in states.items()
        )
        raise MissionNotReady(
            f"mission {mission.slug} is not ready: {lanes}; each must be approved or done,"
            " or canceled",
            incomplete_wps=missing,
        )
    if not packages_in(mission, Lane.APPROVED) + packages_in(mission, Lane.DONE):
        raise MissionNotReady(
            f"mission {mission.slug} has no package that is approved or done", incomplete_wps=[]
        )


def _accept(
    repository: Repository, mission: OpenMission, *, actor: str, cause: RequestContext
) -> MissionAccepted:
    """Commit the acceptance in git, then record it."""
    begun = intent_begun_by(mission.files.project, cause)
    stamp = begun.what if begun else {"event_id": ids.ulid(), "at": clock.timestamp()}
    event = MissionAccepted(
        event_id=stamp["event_id"],
        at=stamp["at"],
        actor=actor,
        policy_metadata=cause.policy,
        correlation_id=cause.correlation_id,
        identity=cause.identity,
        request_digest=cause.request_digest,
    )
    line = event_lines.encode([event], mission_slug=mission.slug)
    if begun is None:
        check_ready(mission)
    intent = intent_of(cause, "accept", stamp, mission=mission.files.log.number())
    with recorded_intent(mission.files.project, cause, intent):
        if begun is not None:
            _check_still_ready(repository, mission, cause=cause)
        _commit(repository, mission, line, cause=cause)
        mission.append([event], cause)
    return event


def _check_still_ready(
    repository: Repository, mission: OpenMission, *, cause: RequestContext
) -> None:
    """Check an interrupted acceptance again, and commit the mission without it if it is not ready now."""
    try:
        check_ready(mission)
    except MissionNotReady:
        _commit(repository, mission, b"", cause=cause, message=f"Reopen mission {mission.slug}")
        raise


def _commit(
    repository: Repository,
    mission: OpenMission,
    line: bytes,
    *,
    cause: RequestContext,
    message: str | None = None,
) -> None:
    """Commit the host's files, with `line` as the last line of the log."""
    contents = {
        path: data for path, data in host_files.host_contents(mission).items() if data is not None
    }
    log = mission.files.log
    known = contents.get(log.path, b"")
    if log.file.raw() != known:
        # The commit has the log, so the checkout must have it too, whichever branch had it last.
        log.put_right(repairs=True)
    if line not in known:
        contents[log.path] = known + line
    message = record_trailer.with_head(
        message or f"Accept mission {mission.slug}", mission.files.project
    )
    try:
        commit = host_commits.commit_files(repository, contents, message=message)
    except GitFailed as error:
        problem = f"the host's files could not be committed: {error}"
        raise PreflightFailed(problem, errors=[problem]) from error
    if commit:
        cause.effects.commits.append(commit)
