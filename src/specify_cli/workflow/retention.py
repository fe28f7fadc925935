"""Prune expired data: answers of reads, parts of the journal, replies, dead letters, and the trash.

Changes, their actors and their answers are kept.

A pruning does not need an intent in the record. The same rules find expired data again, and each step saves
what a repetition needs before it removes anything. The next pruning therefore completes an interrupted one.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from specify_cli import clock, ids, progress
from specify_cli.files.atomic import translated
from specify_cli.protocol import SUFFIX
from specify_cli.storage import journal_archive, record_retention, records
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_retention import Asking, OldReads
from specify_cli.vcs.trash import TrashEntry
from specify_cli.workflow import lane_retirement, repositories
from specify_cli.workflow.bounds import Bounds, Going
from specify_cli.workflow.replies import Replies, Reply

_A_STEP: Final = 10_000
"""Files and folders of the trash that are removed under one lock."""

JUST_ASKED: Final = timedelta(hours=1)
"""A read whose reply was requested within this time is kept: the caller may not have read it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneSummary:
    """What one rule prunes: the kind of data, the count and the bytes."""

    what: str
    count: int
    bytes: int
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything to prune, or everything that was pruned.

    `old_replies` are those that an age was given for, `replies` those of `config.toml`.
    """

    age: timedelta | None = None
    old_replies: Sequence[Going[Reply]] = ()
    replies: Sequence[Going[Reply]] = ()
    reads: OldReads
    parts: Sequence[journal_archive.OldPart]
    archived: Sequence[Going[Path]]
    letters: Sequence[Going[Path]]
    workspaces: Sequence[Going[TrashEntry]] = ()

    @property
    def all_replies(self) -> list[Reply]:
        """The replies of both kinds."""
        return [it.item for it in (*self.old_replies, *self.replies)]


@dataclass(frozen=True)
class Retention:
    """Find and prune the expired data of a project."""

    project: Project

    def plan(self, older_than: timedelta | None = None, *, with_trash: bool = False) -> Plan:
        """Find what expires by the rules of `config.toml`, and, with `older_than`, older replies.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        record = records.found(self.project)
        old = [] if older_than is None else [*self._old_replies(older_than)]
        known = {it.item.path for it in old}
        bounds = self._bounds("replies")
        beyond = self._replies.beyond(bounds, young=JUST_ASKED) if bounds.are_set else ()
        with translated(self.project.worktrees, "list"):
            workspaces = lane_retirement.going(self.project) if with_trash else []
        return Plan(
            age=older_than,
            old_replies=old,
            replies=[it for it in beyond if it.item.path not in known],
            reads=self._old_reads(record) if record else OldReads(),
            parts=self._old_parts() if record else [],
            archived=[*self._old_archived()],
            letters=[*self._old_letters()],
            workspaces=workspaces,
        )

    def carry_out(self, plan: Plan) -> Plan:
        """Prune it; the result lacks what could not be pruned, such as replies that were requested meanwhile.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        record = records.found(self.project)
        # Without an age there are no old replies. An age of 0 s removes all of them.
        old = [] if plan.age is None else self._removed(plan.old_replies, plan.age)
        replies = self._removed(plan.replies, JUST_ASKED)
        reads, parts = plan.reads, plan.parts
        if record is not None:
            count = record_retention.prune(record, reads.until, release=self._release)
            parts = journal_archive.archive(self.project, record, parts)
            reads = reads.cut_to(count)
        if plan.archived:
            journal_archive.remove_archived(self.project, [it.item for it in plan.archived])
        _remove([it.item for it in plan.letters])
        return Plan(
            age=plan.age,
            old_replies=old,
            replies=replies,
            reads=reads,
            parts=parts,
            archived=plan.archived,
            letters=plan.letters,
            workspaces=self._emptied(plan.workspaces),
        )

    def summaries(self, plan: Plan) -> list[PruneSummary]:
        """Summarize the plan by rule; rules that prune nothing are omitted."""
        return [it for it in self._summaries(plan) if it.count]

    def _summaries(self, plan: Plan) -> Iterator[PruneSummary]:
        settings = self.project.settings
        yield from _by_rule("replies", (*plan.old_replies, *plan.replies))
        reads = plan.reads
        for count, size, rule in (
            (reads.by_age, reads.bytes_by_age, f"reads_days = {settings.reads_days}"),
            (reads.by_count, reads.bytes_by_count, f"reads_max_count = {settings.reads_max_count}"),
            (reads.by_size, reads.bytes_by_size, f"reads_max_bytes = {settings.reads_max_bytes}"),
        ):
            yield PruneSummary(what="answers of reads", count=count, bytes=size, rule=rule)
        for is_by_age, rule in (
            (True, f"journal_days = {settings.journal_days}"),
            (False, f"journal_max_bytes = {settings.journal_max_bytes}"),
        ):
            sizes = [it.bytes for it in plan.parts if it.is_by_age == is_by_age]
            yield PruneSummary(
                what="parts of the journal", count=len(sizes), bytes=sum(sizes), rule=rule
            )
        yield from _by_rule("archived parts of the journal", plan.archived)
        yield from _by_rule("settled dead letters", plan.letters)
        yield from _by_rule("workspaces in the trash", plan.workspaces)

    def _bounds(self, name: str) -> Bounds:
        settings = self.project.settings
        return Bounds(
            name=name,
            days=getattr(settings, f"{name}_days"),
            max_count=getattr(settings, f"{name}_max_count", None),
            max_bytes=getattr(settings, f"{name}_max_bytes", None),
        )

    def _old_replies(self, older_than: timedelta) -> Iterator[Going[Reply]]:
        rule = f"older than {_age_text(older_than)}"
        for reply in self._replies.old(older_than):
            yield Going(item=reply, bytes=_size(reply.path), rule=rule)

    def _removed(self, going: Sequence[Going[Reply]], age: timedelta) -> list[Going[Reply]]:
        gone = {it.path for it in self._replies.remove([it.item for it in going], age)}
        return [it for it in going if it.item.path in gone]

    def _old_archived(self) -> Iterator[Going[Path]]:
        parts = JournalFiles(self.project.journal).all_archived()
        items = [(it, it.stat().st_mtime, _size(it)) for it in parts]
        return self._bounds("archive").going(items, now=clock.now().timestamp())

    def _emptied(self, going: Sequence[Going[TrashEntry]]) -> list[Going[TrashEntry]]:
        """Empty the trash in steps, so that others can lock the repository in between."""
        while going:
            with repositories.changing(self.project) as repository:
                pruned = lane_retirement.prune(repository, self.project, most=_A_STEP)
            if pruned.is_complete:
                break
        return [it for it in going if not os.path.lexists(it.item.path)]

    @cached_property
    def _replies(self) -> Replies:
        return Replies(self.project)

    def _old_reads(self, record: Record) -> OldReads:
        settings = self.project.settings
        before = clock.as_text(clock.now() - timedelta(days=settings.reads_days))
        rule = record_retention.Rule(
            before=before,
            max_bytes=settings.reads_max_bytes,
            max_count=settings.reads_max_count,
        )
        stay = [*map(_asking_of, self._replies.asked_for(clock.now() - JUST_ASKED))]
        return record_retention.old_reads(record, rule, stay=stay)

    def _old_parts(self) -> list[journal_archive.OldPart]:
        settings = self.project.settings
        before = clock.now() - timedelta(days=settings.journal_days)
        rule = journal_archive.Rule(before=before.timestamp(), max_bytes=settings.journal_max_bytes)
        return journal_archive.old_parts(self.project, rule)

    def _old_letters(self) -> Iterator[Going[Path]]:
        folder = LetterFolder(self.project.dead_letters)
        items = []
        for letter in folder.letters():
            if letter.state != "waiting":
                with suppress(ValueError):
                    at = datetime.fromisoformat(str(letter.fate.get("at")))
                    path = folder.record_of(letter)
                    items.append((path, at.timestamp(), _size(path)))
        return self._bounds("letters").going(items, now=clock.now().timestamp())

    def _release(self, asked: Collection[Asking]) -> set[Asking]:
        """Remove the replies of these reads; return the reads whose reply is gone."""
        limit = clock.now() - JUST_ASKED
        return {it for it in asked if self._replies.let_go(self._reply_to(it), limit)}

    def _reply_to(self, asking: Asking) -> Reply:
        outbox, identity = self.project.outbox, asking.scope or ids.DEFAULT_ORCHESTRATOR
        folder = outbox if asking.scope == ids.SHARED_SCOPE else outbox / identity
        return Reply(path=folder / f"{asking.id}{SUFFIX}", identity=identity)


def _asking_of(reply: Reply) -> Asking:
    return Asking(ids.scope_of(ids.MAILBOX, reply.identity), reply.path.stem)


def _age_text(age: timedelta) -> str:
    """Return the age in the form that options take, such as 30d."""
    seconds = int(age.total_seconds())
    for unit, letter in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _by_rule(what: str, going: Sequence[Going[Any]]) -> Iterator[PruneSummary]:
    for rule in dict.fromkeys(it.rule for it in going):
        sizes = [it.bytes for it in going if it.rule == rule]
        yield PruneSummary(what=what, count=len(sizes), bytes=sum(sizes), rule=rule)


def _remove(letters: Sequence[Path]) -> None:
    for done, path in enumerate(letters):
        progress.report(done, len(letters), "removing settled dead letters")
        with translated(path, "remove"):
            path.unlink(missing_ok=True)
