"""Repairs that lose nothing: the original of every file that is changed or moved is kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from specify_cli import ids
from specify_cli.errors import SpecKittyError, StateUnreadable
from specify_cli.files import folders, locks, moves
from specify_cli.files.atomic import publish, translated
from specify_cli.storage import project_files, record_contents, record_folder, records
from specify_cli.storage.intents import Intents
from specify_cli.storage.journal import Journal
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.project import Project
from specify_cli.workflow import host_files, record_restoration, restored_redactions
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.doctor_findings import Finding
from specify_cli.workflow.doctor_former_status import take_over
from specify_cli.workflow.doctor_git import forget_gone
from specify_cli.workflow.doctor_host import make_private, rebuild_states
from specify_cli.workflow.doctor_workspaces import forget_record, remove_scratch
from specify_cli.workflow.mission_changes import changing_mission

MARK = b"\xef\xbb\xbf"


def repair_one(
    project: Project, finding: Finding, *, actor: str, cause: RequestContext | None
) -> bool:
    """Whether the finding was repaired; one that resists is found again.

    `actor` and `cause` stand in the events of a repair that records any.
    """
    try:
        with translated(finding.file, "repair"):
            if finding.check == "former-status":
                return take_over(project, finding.file, actor=actor, cause=cause)
            return REPAIRS[finding.check](project, finding.file)
    except SpecKittyError:
        return False


def _mend_log(project: Project, path: Path) -> bool:
    """The log has the lines that the host knows; what stood there instead is in the attic."""
    files = MissionFiles(project, path.parent.name)
    if Journal(project).faults():
        # What is damaged is not put in the place of what may be sound.
        return False
    # What the file says was redacted does not come back.
    restored_redactions.redo(project, actor="doctor")
    with locks.held(files.lock):
        files.log.put_right(repairs=True)
        return files.log.view().found.is_same


def _plan_lanes(project: Project, path: Path) -> bool:
    """`lanes.json` is the plan of today; the one before is kept."""
    with changing_mission(project, path.parent.name) as mission:
        try:
            before = project_files.read_if_there(path, below=project.root)
        except StateUnreadable:  # A link, or the like.
            _put_away(project, path)
            before = None
        if before is not None:
            _keep(project, path, before)
        host_files.write_lanes(mission, repairs=True)
    return True


def _take_over_intents(project: Project, _: Path) -> bool:
    """What was begun where the project was copied from is completed here by whoever asks next."""
    Intents(records.made(project)).take_over()
    return True


def _publish_again(project: Project, path: Path) -> bool:
    """The published journal is what the host wrote; what was not is in the attic."""
    record_restoration.publish_again(project)
    return not Journal(project).verify()


def _take_end_in(project: Project, path: Path) -> bool:
    """The record has what journal, logs and commits have beyond it, and changes go on."""
    record_restoration.take_in(project)
    return not Journal(project).verify()


def _restore_answers(project: Project, _: Path) -> bool:
    """The record has the answers to reads again that a published line or a reply has."""
    with locks.held(project.lock("journal")):
        record = records.made(project)
        record_contents.restore(project, record)
        return not record_contents.damaged(record)


def _remove_mark(project: Project, path: Path) -> bool:
    """The file begins with its first letter; it is kept as it was."""
    with locks.held(MissionFiles(project, _mission_of(project, path)).lock):
        with project_files.opened(path, below=project.root) as file:
            mode, data = stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.readall()
        if not data.startswith(MARK):
            return False
        _keep(project, path, data)
        publish(path, data.removeprefix(MARK), mode=mode, below=project.root)
    return True


def _put_away(project: Project, path: Path) -> bool:
    """The file is kept elsewhere."""
    place = _place(project, path)
    with (
        folders.opened(path.parent, below=project.base_of(path)) as here,
        folders.opened(place.parent, below=project.host_base) as there,
    ):
        moves.move(path.name, path.name, src_dir_fd=here, dst_dir_fd=there)
    return True


def _make_private(project: Project, folder: Path) -> bool:
    make_private(project, folder)
    return True


def _keep(project: Project, path: Path, data: bytes) -> None:
    publish(_place(project, path), data, below=project.host_base)


def _place(project: Project, path: Path) -> Path:
    """Where the file is kept: in a folder that was never used before, and is there."""
    above = project.record if path.is_relative_to(project.record) else project.root
    place = project.attic / ids.ulid() / path.relative_to(above)
    for inner in (*reversed(place.parent.relative_to(project.host).parents), place.parent):
        record_folder.make_inside(project.host / inner, base=project.host_base)
    return place


def _mission_of(project: Project, path: Path) -> str:
    return path.relative_to(project.missions).parts[0]


REPAIRS: Mapping[str, Callable[[Project, Path], bool]] = MappingProxyType(
    {
        "answer": _restore_answers,
        "byte-order-mark": _remove_mark,
        "changed-log-line": _mend_log,
        "copied-intent": _take_over_intents,
        "gone-worktree": forget_gone,
        "kitty-permissions": _make_private,
        "journal": _publish_again,
        "lanes": _plan_lanes,
        "log-behind": _mend_log,
        "log-order": _mend_log,
        "no-newline": _mend_log,
        "reply": _put_away,
        "restored": _take_end_in,
        "scratch": remove_scratch,
        "stale-draft": _put_away,
        "states": rebuild_states,
        "torn-tail": _mend_log,
        "workspace-record": forget_record,
    }
)
"""The check of a finding to what repairs it."""

DONE: Mapping[str, str] = MappingProxyType(
    {
        "answer": "restored the damaged answer in the record from what is published",
        "byte-order-mark": "removed the byte order mark; the file as it was is in the attic",
        "changed-log-line": "put the lines of the host back; the file as it was is in the attic",
        "copied-intent": "took over what was begun elsewhere; the next request completes it",
        "former-status": "took the status in the front matter over into the log",
        "gone-worktree": "had git forget the worktree whose folder is gone",
        "kitty-permissions": "took the permissions of others away from the folder",
        "journal": "published the journal again as the host wrote it; what was not is in the attic",
        "lanes": "wrote the plan of execution lanes again; the file as it was is in the attic",
        "log-behind": "wrote the lines that were missing",
        "log-order": "wrote the lines again, each once and in its order",
        "no-newline": "ended the last line with a newline",
        "reply": "moved the reply to the attic; the host publishes its own answer when it is asked again",
        "restored": (
            "took in what the journal, the logs and the newest commits have beyond the record; requests and replies"
            " that none of these has are lost"
        ),
        "scratch": "removed the folder of a git process that was killed",
        "stale-draft": "moved the unfinished file to the attic",
        "states": "folded the states of all packages again from the entries",
        "torn-tail": "moved the end of the interrupted append to the attic",
        "workspace-record": "forgot the workspace, which is gone",
    }
)
"""The check of a finding to what was done, in words."""
