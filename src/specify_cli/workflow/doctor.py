"""Use cases of the doctor: check a project for problems, and repair what is safe to repair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from specify_cli import progress
from specify_cli.errors import SpecKittyError, StateUnreadable
from specify_cli.storage import records
from specify_cli.storage.journal import Journal
from specify_cli.storage.log_content import LogContent
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.package_files import read_packages
from specify_cli.storage.project import Project
from specify_cli.workflow import liveness
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.doctor_findings import Finding, Severity, error, fixable, warning
from specify_cli.workflow.doctor_former_status import examine_former_status
from specify_cli.workflow.doctor_git import (
    Branches,
    branches_of,
    examine_branches,
    examine_repository,
)
from specify_cli.workflow.doctor_host import (
    examine_host,
    examine_intake,
    examine_states,
    stale_drafts,
)
from specify_cli.workflow.doctor_lanes import examine_graph, examine_lanes, examine_overlaps
from specify_cli.workflow.doctor_log import examine_log, examine_meta, examine_strangers
from specify_cli.workflow.doctor_missing import examine_missing
from specify_cli.workflow.doctor_outline import examine_outline
from specify_cli.workflow.doctor_prompts import Prompt, examine_prompts, unreadable_outline
from specify_cli.workflow.doctor_refusals import examine_refusals
from specify_cli.workflow.doctor_repairs import DONE, MARK, repair_one
from specify_cli.workflow.doctor_workspaces import examine_workspaces
from specify_cli.workflow.mission import OpenMission
from specify_cli.workflow.request_intents import intent_of, recorded_intent


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The findings, ordered by file and line; `repaired` lists the repairs that were made."""

    findings: tuple[Finding, ...]
    repaired: tuple[Finding, ...] = ()

    @property
    def problems(self) -> int:
        """The number of findings that are not notes."""
        return sum(finding.severity is not Severity.NOTE for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Doctor:
    """Checks a whole project, or one mission and everything that missions share.

    `examine_more` takes the project's root and checks files that this layer cannot read.
    """

    project: Project
    examine_more: Callable[[Path], Iterable[Finding]] = lambda _: ()

    def diagnose(self, slug: str | None = None) -> Diagnosis:
        """Check the project without changing anything.

        Raises:
            StorageFailed: the disk refused.
        """
        return Diagnosis(findings=tuple(self._findings(slug)))

    def repair(
        self, slug: str | None = None, *, actor: str = "doctor", cause: RequestContext | None = None
    ) -> Diagnosis:
        """Repair what can be repaired without loss, then check the project again.

        Args:
            slug: The mission to repair. Default: every mission.
            actor: The actor of the events that repairs record.
            cause: The request of those events.

        Raises:
            MissionNotFound: no mission has this slug.
            MissionAmbiguous: several missions have it.
            StorageFailed: the disk refused.
        """
        fixable_ones = [finding for finding in self._findings(slug) if finding.is_fixable]
        intent: AbstractContextManager[None] = nullcontext()
        if cause and fixable_ones:
            self._adopt()
            intent = recorded_intent(self.project, cause, intent_of(cause, "repair", {}))
        with intent:
            repaired = [
                replace(finding, what=DONE[finding.check])
                for finding in progress.counted(fixable_ones, "repairing")
                if repair_one(self.project, finding, actor=actor, cause=cause)
            ]
        return Diagnosis(findings=tuple(self._findings(slug)), repaired=tuple(repaired))

    def _adopt(self) -> None:
        """Take over the journal of a former version, which must not be compared with a new, empty record."""
        if records.found(self.project) is None:
            records.made(self.project)
            with suppress(
                SpecKittyError
            ):  # A damaged journal is reported by the check that follows.
                Journal(self.project).publish()

    def _findings(self, slug: str | None) -> list[Finding]:
        slugs = all_missions(self.project)
        chosen = [slug] if slug else slugs
        found = [*examine_repository(self.project), *examine_host(self.project)]
        found.extend(examine_states(self.project))
        found.extend(examine_workspaces(self.project))
        found.extend(self.examine_more(self.project.root))
        with suppress(StateUnreadable):  # An unreadable config is reported already.
            found.extend(examine_intake(self.project))
        found.extend(_shared_ids(self.project, slugs))
        branches = branches_of(self.project)
        found.extend(examine_missing(self.project))
        for one in progress.counted(chosen, "examining missions"):
            files = MissionFiles(self.project, one)
            found.extend(examine_mission(files, branches, is_chosen=slug is not None))
        return sorted(found, key=lambda it: (str(it.file), it.line or 0, it.check, it.what))


def examine_mission(
    files: MissionFiles, branches: Branches | None, *, is_chosen: bool = False
) -> list[Finding]:
    """Check one mission.

    Args:
        files: The files of the mission.
        branches: The branches of the repository, where there is one with a commit.
        is_chosen: Whether the user named this mission.

    Raises:
        StorageFailed: the disk refused.
    """
    identity, found = examine_meta(files)
    prompts, faults = examine_prompts(files.folder)
    log, damage = examine_log(files.log, is_chosen=is_chosen)
    known: dict[str, Prompt] = {}
    for prompt in prompts:
        known.setdefault(prompt.wp_id or "", prompt)
    known.pop("", None)
    found.extend(examine_former_status(files, has_moves=log.has_moves))
    found.extend(_examine_heartbeats(files))
    found += [*faults, *damage, *examine_graph(known), *_drafts_and_marks(files, prompts)]
    if not any(prompt.wp_id is None for prompt in prompts) and not faults:
        found.extend(examine_strangers(files.log, log, known))
    if identity is not None:
        found.extend(
            _examine_whole(
                files,
                identity=identity,
                log=log.content,
                prompts=known,
                branches=branches,
                is_chosen=is_chosen,
            )
        )
    return found


def _examine_whole(
    files: MissionFiles,
    *,
    identity: MissionIdentity,
    log: LogContent,
    prompts: dict[str, Prompt],
    branches: Branches | None,
    is_chosen: bool,
) -> Iterator[Finding]:
    """Check what needs every part of the mission to be readable."""
    try:
        packages = read_packages(files.folder, below=files.project.root)
    except StateUnreadable as fault:  # A fault in a prompt is reported already.
        yield from unreadable_outline(files.folder / "tasks.md", fault)
        return
    mission = OpenMission(files=files, identity=identity, packages=packages, log=log)
    try:
        yield from examine_lanes(mission, is_chosen=is_chosen)
        _ = mission.lanes
    except StateUnreadable:  # A fault in the log or in `lanes.json` is reported already.
        return
    yield from examine_overlaps(prompts, mission.lane_ids, log.state)
    yield from examine_outline(mission)
    yield from examine_branches(mission, branches)
    if branches is not None:
        yield from examine_refusals(files, branches.repository)


def _examine_heartbeats(files: MissionFiles) -> Iterator[Finding]:
    try:
        liveness.noted(files)
    except StateUnreadable as fault:
        what = "the heartbeats of the mission cannot be read, so no claim is found to be stale"
        repair = "remove the file; the heartbeats in it are lost"
        yield error("heartbeats", Path(str(fault.details["file"])), what, repair=repair)


def _drafts_and_marks(files: MissionFiles, prompts: Sequence[Prompt]) -> Iterator[Finding]:
    yield from stale_drafts(files.folder)
    yield from stale_drafts(files.folder / "tasks")
    names = ("meta.json", "lanes.json", "spec.md", "plan.md", "tasks.md")
    for path in (*(files.folder / name for name in names), *(prompt.path for prompt in prompts)):
        if _begins_with_mark(path):
            what = "the file begins with a byte order mark"
            yield fixable("byte-order-mark", path, what, severity=Severity.NOTE)


def _begins_with_mark(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MARK)) == MARK


def _shared_ids(project: Project, slugs: Sequence[str]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for slug in slugs:
        files = MissionFiles(project, slug)
        try:
            mission_id = files.identity().mission_id
        except StateUnreadable:
            continue
        other = first.setdefault(mission_id, slug) if mission_id else slug
        if other != slug:
            what = f"mission {other} has the same mission_id, {mission_id!r}"
            path = files.folder / "meta.json"
            repair = "give one of the two missions another mission_id"
            yield warning("duplicate-id", path, what, repair=repair)
