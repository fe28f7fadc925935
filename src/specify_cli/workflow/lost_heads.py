"""Whether commits of the host tell of more than its record has, as after a restore from an older backup.

The tips of branches that were compared are noted in the record, so that git runs only where one of them has moved.
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
"""The commit that each branch is at; None where there is no such branch."""

_NOTE: Final = "compared"
"""The name of the note of the tips that the record was compared with, by their branches."""


def require_current(project: Project) -> None:
    """Passes where no commit of the host tells of an entry behind the record's last one.

    Raises:
        RecordBehind: one does.
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
    """The same, of all commits whatever was noted; nothing is written. Raises: as `require_current`."""
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
    """Each commit of the host, newest first, with the head of an entry behind the record's last one, unless that was told before.

    `tips` are those of the branches to look at, where that is known. Commits that the tips `known`, which were compared
    before, were made of are passed over.

    Raises: StateUnreadable, StorageFailed.
    """
    # Loaded where something has moved alone: it runs git.
    from specify_cli.storage import journal_adoption
    from specify_cli.workflow import audit

    last = record.last()
    end = last.position if last else 0
    told: frozenset[str] | None = None
    for commit, head, is_sealed in audit.heads_in_commits(
        project, record, tips=(tips or {}).values(), known=(known or {}).values()
    ):
        if is_sealed and head.record_id == record.id and head.position > end:
            told = journal_adoption.lost_heads(record) if told is None else told
            if str(head) not in told:
                yield commit, head


def _refusal(record: Record, commit: str, head: RecordHead) -> RecordBehind:
    last = record.last()
    return RecordBehind(
        f"the host's record ends at entry {last.position if last else 0}, and commit {commit[:12]} tells of its entry"
        f" {head.position}: the record was restored from an older backup, perhaps. Nothing is changed until"
        " 'spec-kitty doctor --fix' has taken in what journal and logs have of it, or a newer backup is in its place",
        file=str(record.path),
    )


def _tips(project: Project, branches: _Tips) -> _Tips:
    """Where HEAD and the branches are now; nothing where git alone can tell."""
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
        with suppress(StateUnreadable):  # The doctor names what is damaged.
            yield from filter(None, [MissionFiles(project, slug).identity().own_target])
