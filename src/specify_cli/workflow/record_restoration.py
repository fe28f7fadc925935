"""Bring a record that was restored from an older backup up to date from the journal, the logs and commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from specify_cli.errors import SpecKittyError
from specify_cli.files import locks
from specify_cli.files.atomic import publish
from specify_cli.storage import checkout, journal_adoption, records
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.journal import Journal
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.record_lines import lines_of
from specify_cli.workflow import lost_heads, repositories, restored_redactions
from specify_cli.workflow.mission_changes import changing_mission


def publish_again(project: Project) -> None:
    """Import newer published lines into the record, then publish the journal from it.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    journal = Journal(project)
    journal.take_in()
    # This must precede the restoration, which replaces published lines by those of the record.
    restored_redactions.redo(project, actor="doctor")
    journal.restore()


def take_in(project: Project) -> None:
    """Import what is known of missing entries, and record which ones are lost, so that changes are possible again.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    publish_again(project)
    record = records.made(project)
    heads = dict.fromkeys(str(head) for _, head in lost_heads.lost_heads(project, record))
    if heads:
        journal_adoption.note_lost(record, [*heads])
    take_in_logs(project)


def take_in_logs(project: Project) -> None:
    """Import into the record the lines of the log files and of the newest commits.

    Raises:
        StorageFailed: the disk or git refused.
    """
    for slug in all_missions(project):
        # A damaged mission is reported on its own.
        with suppress(SpecKittyError):
            _restore_committed(project, MissionFiles(project, slug))
            with changing_mission(project, slug):
                pass


def _restore_committed(project: Project, files: MissionFiles) -> None:
    """Add to the log file the events of the newest commits that are in neither the file nor the record."""
    at = checkout.look(project.root)
    if at is None or at.operation:
        return
    with locks.held(files.lock):
        view = files.log.view()
        if view.found.changed or view.found.damaged:
            return
        known = {_event_id(it) for it in view.lines} | view.kept.withdrawn_events()
        lines = dict.fromkeys(it for log in _committed(project, files) for it in lines_of(log))
        if new := [it for it in lines if (_event_id(it) or None) not in (None, *known)]:
            files.log.file.keep(view.raw)
            publish(files.log.path, b"".join([*view.lines, *new]), below=project.root)


def _committed(project: Project, files: MissionFiles) -> Iterator[bytes]:
    """Yield the log in HEAD and in the branch that the mission is merged into."""
    with repositories.looking(project) as repository:
        if repository is None:
            return
        name = files.log.path.relative_to(repository.root).as_posix()
        target = repository.branch_tip(files.identity().own_target or "HEAD")
        for tip in dict.fromkeys(filter(None, (repository.head(), target))):
            found = repository.git.run("cat-file", "blob", f"{tip}:{name}", check=False)
            if not found.returncode:
                yield found.stdout


def _event_id(line: bytes) -> str:
    return str((json_object(line) or {}).get("event_id") or "")
