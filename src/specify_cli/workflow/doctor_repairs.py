"""Repairs without loss: the original of every file that is changed or moved is kept in the attic."""

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
from specify_cli.storage import (
    journal_archive,
    project_files,
    record_contents,
    record_folder,
    records,
)
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
from specify_cli.workflow.doctor_workspaces import (
    connect_again,
    forget_record,
    remove_scratch,
    write_alternates,
)
from specify_cli.workflow.mission_changes import changing_mission

MARK = b"\xef\xbb\xbf"


def repair_one(
    project: Project, finding: Finding, *, actor: str, cause: RequestContext | None
) -> bool:
    """Repair the finding, and return whether that succeeded; the next check reports it again if not.

    `actor` and `cause` go into the events of a repair that records any.
    """
    try:
        with translated(finding.file, "repair"):
            if finding.check == "former-status":
                return take_over(project, finding.file, actor=actor, cause=cause)
            return REPAIRS[finding.check](project, finding.file)
    except SpecKittyError:
        return False


def _mend_log(project: Project, path: Path) -> bool:
    """Write the host's lines to the log again; the file as it was goes to the attic."""
    files = MissionFiles(project, path.parent.name)
    if Journal(project).faults():
        # A damaged record must not overwrite a log that may be sound.
        return False
    # A text that the file has redacted must not come back.
    restored_redactions.redo(project, actor="doctor")
    with locks.held(files.lock):
        files.log.put_right(repairs=True)
        return files.log.view().found.is_same


def _plan_lanes(project: Project, path: Path) -> bool:
    """Write the current plan to `lanes.json`; the former file is kept."""
    with changing_mission(project, path.parent.name) as mission:
        try:
            before = project_files.read_if_there(path, below=project.root)
        except StateUnreadable:  # For example a link.
            _put_away(project, path)
            before = None
        if before is not None:
            _keep(project, path, before)
        host_files.write_lanes(mission, repairs=True)
    return True


def _take_over_intents(project: Project, _: Path) -> bool:
    """Take over the intents of the project that this one is a copy of; the next request completes them."""
    Intents(records.made(project)).take_over()
    return True


def _publish_again(project: Project, path: Path) -> bool:
    """Publish the journal again as the host wrote it; the former files go to the attic."""
    record_restoration.publish_again(project)
    return not Journal(project).verify()


def _restore_archived(project: Project, path: Path) -> bool:
    """Write the archived part of the journal again; the former file goes to the attic."""
    with locks.held(project.lock("journal")):
        journal_archive.restore(project, records.made(project), path)
    return not any(it.startswith(path.name) for it in Journal(project).verify())


def _take_end_in(project: Project, path: Path) -> bool:
    """Import what the journal, logs and commits have beyond the record, which then allows changes."""
    record_restoration.take_in(project)
    return not Journal(project).verify()


def _restore_answers(project: Project, _: Path) -> bool:
    """Restore damaged answers to reads from published lines and replies."""
    with locks.held(project.lock("journal")):
        record = records.made(project)
        record_contents.restore(project, record)
        return not record_contents.damaged(record)


def _remove_mark(project: Project, path: Path) -> bool:
    """Remove the file's byte order mark; the file as it was is kept."""
    slug = path.relative_to(project.missions).parts[0]
    with locks.held(MissionFiles(project, slug).lock):
        with project_files.opened(path, below=project.root) as file:
            mode, data = stat.S_IMODE(os.fstat(file.fileno()).st_mode), file.readall()
        if not data.startswith(MARK):
            return False
        _keep(project, path, data)
        publish(path, data.removeprefix(MARK), mode=mode, below=project.root)
    return True


def _put_away(project: Project, path: Path) -> bool:
    """Move the file to the attic."""
    kept = _attic_path(project, path)
    with (
        folders.opened(path.parent, below=project.base_of(path)) as here,
        folders.opened(kept.parent, below=project.host_base) as there,
    ):
        moves.move(path.name, path.name, src_dir_fd=here, dst_dir_fd=there)
    return True


def _make_private(project: Project, folder: Path) -> bool:
    make_private(project, folder)
    return True


def _keep(project: Project, path: Path, data: bytes) -> None:
    publish(_attic_path(project, path), data, below=project.host_base)


def _attic_path(project: Project, path: Path) -> Path:
    """Create a new folder in the attic, and return the path of the file in it."""
    above = project.record if path.is_relative_to(project.record) else project.root
    kept = project.attic / ids.ulid() / path.relative_to(above)
    for inner in (*reversed(kept.parent.relative_to(project.host).parents), kept.parent):
        record_folder.make_inside(project.host / inner, base=project.host_base)
    return kept


REPAIRS: Mapping[str, Callable[[Project, Path], bool]] = MappingProxyType(
    {
        "answer": _restore_answers,
        "archive": _restore_archived,
        "byte-order-mark": _remove_mark,
        "changed-log-line": _mend_log,
        "copied-intent": _take_over_intents,
        "gone-worktree": forget_gone,
        "kitty-permissions": _make_private,
        "journal": _publish_again,
        "lanes": _plan_lanes,
        "log-behind": _mend_log,
        "log-order": _mend_log,
        "moved-objects": write_alternates,
        "moved-worktree": connect_again,
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
"""The repair of each check."""

DONE: Mapping[str, str] = MappingProxyType(
    {
        "answer": "restored the damaged answer in the record from the published journal or a reply",
        "archive": (
            "wrote the archived part again from the record, without answers that were pruned; the former file is in"
            " the attic"
        ),
        "byte-order-mark": "removed the byte order mark; the file as it was is in the attic",
        "changed-log-line": "restored the lines of the host; the file as it was is in the attic",
        "copied-intent": "took over the unfinished request; the next request completes it",
        "former-status": "imported the status in the front matter into the log",
        "gone-worktree": "removed git's registration of the worktree, whose folder does not exist",
        "kitty-permissions": "removed the permissions of other users from the folder",
        "journal": "published the journal again as the host wrote it; the former files are in the attic",
        "lanes": "wrote the plan of execution lanes again; the file as it was is in the attic",
        "log-behind": "wrote the missing lines",
        "log-order": "wrote the lines again, each once and in order",
        "moved-objects": "wrote the present path of the project's objects for git-lfs",
        "moved-worktree": "connected the linked worktree to the project at its present path",
        "no-newline": "ended the last line with a newline",
        "reply": "moved the reply to the attic; the host publishes its own answer when the request is sent again",
        "restored": (
            "imported what the journal, the logs and the newest commits have beyond the record; requests and replies"
            " that none of these has are lost"
        ),
        "scratch": "removed the folder of a killed git process",
        "stale-draft": "moved the unfinished file to the attic",
        "states": "rebuilt the states of all packages from the record's entries",
        "torn-tail": "moved the end of the interrupted append to the attic",
        "workspace-record": "removed the host's entry for the workspace, which does not exist",
    }
)
"""The description of each check's repair."""
