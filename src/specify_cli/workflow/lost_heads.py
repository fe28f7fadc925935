"""Detect a record that was restored from an older backup, by the heads of the record in the host's commits.

The tips of compared branches are noted in the record, so that git runs only when one of them has moved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Final, TypeAlias

from specify_cli.errors import RecordBehind
from specify_cli.storage import checkout, git_folders, record_location, records
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record

if TYPE_CHECKING:
    from specify_cli.storage.record_heads import RecordHead

_Tips: TypeAlias = dict[str, str | None]
"""The commit of each branch; None if the branch does not exist."""

_NOTE: Final = "compared"
"""The name of the note with the tips that the record was compared with, by branch."""


def require_current(project: Project) -> None:
    """Require that no commit of the host has the head of an entry after the record's last one.

    Raises:
        RecordBehind: one has.
        StateUnreadable: the record is damaged.
        StorageFailed: the disk or git refused.
    """
    record = records.found(project)
    if record is None or record.is_compared:
        return
    noted = json.loads(record.remembered(_NOTE) or "{}")
    tips = _tips(project, noted)
    if not tips or tips != noted:
        tips = _tips(project, dict.fromkeys(_targets(project)))
        if found := next(lost_heads(project, record, tips=tips, known=noted), None):
            raise _refusal(record, *found)
        if tips != noted:
            with record.noting() as connection:
                row = (_NOTE, json.dumps(tips))
                connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row)
    record.is_compared = True


def prove_current(project: Project) -> None:
    """Require the same of all commits, whatever was noted, without writing.

    Raises:
        RecordBehind: as `require_current`.
        StateUnreadable: the record is damaged.
        StorageFailed: the disk or git refused.
    """
    record = records.found(project)
    if record is not None and (found := next(lost_heads(project, record), None)):
        raise _refusal(record, *found)


def lost_heads(
    project: Project,
    record: Record,
    *,
    tips: _Tips | None = None,
    known: _Tips | None = None,
) -> Iterator[tuple[str, RecordHead]]:
    """Yield each commit, newest first, with the head of an entry after the record's last one.

    Heads that a repair has already accepted as lost are left out.

    Args:
        project: The project.
        record: Its record.
        tips: The branches to search. Default: the target branches and HEAD.
        known: Tips that were compared before; they and their ancestors are excluded.

    Raises:
        StateUnreadable: the record is damaged.
        StorageFailed: the disk or git refused.
    """
    # Loaded here because it runs git, which is needed only when a branch has moved.
    from specify_cli.storage import journal_adoption
    from specify_cli.workflow import audit

    last = record.last()
    end = last.position if last else 0
    accepted: frozenset[str] | None = None
    for commit, head, is_sealed in audit.heads_in_commits(
        project, record, tips=(tips or {}).values(), known=(known or {}).values()
    ):
        if is_sealed and head.record_id == record.id and head.position > end:
            if accepted is None:
                accepted = journal_adoption.lost_heads(record)
            if str(head) not in accepted:
                yield commit, head


def _refusal(record: Record, commit: str, head: RecordHead) -> RecordBehind:
    last = record.last()
    return RecordBehind(
        f"the host's record ends at entry {last.position if last else 0}, but commit {commit[:12]} names its entry"
        f" {head.position}: the record may have been restored from an older backup. Changes are refused until"
        " 'spec-kitty doctor --fix' has imported what the journal and the logs have of it, or a newer backup is restored",
        file=str(record.path),
    )


def _tips(project: Project, branches: _Tips) -> _Tips:
    """Read the tips of HEAD and the branches; nothing if only git can read them."""
    at, around = checkout.look(project.root), record_location.around(project.root)
    if at is None or around is None:
        return {}
    try:
        return {it: git_folders.branch_tip(around[1], it) for it in sorted({at.branch, *branches})}
    except (git_folders.NotInFiles, ValueError):
        return {}


def _targets(project: Project) -> Iterator[str]:
    from specify_cli.errors import StateUnreadable
    from specify_cli.storage.mission_files import MissionFiles, all_missions

    for slug in all_missions(project):
        with suppress(StateUnreadable):  # The doctor reports the damaged file.
            yield from filter(None, [MissionFiles(project, slug).identity().own_target])
