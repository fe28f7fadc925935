"""Prune expired data: answers of reads, old parts of the journal, replies, and resolved dead letters.

Changes, their actors and their answers are kept.

A pruning does not need an intent in the record. The same rules find expired data again, and each step saves
what a repetition needs before it removes anything. The next pruning therefore completes an interrupted one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Final

from specify_cli import clock, ids, progress
from specify_cli.files.atomic import translated
from specify_cli.protocol import SUFFIX
from specify_cli.storage import journal_archive, record_retention, records
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_retention import Asking, OldReads
from specify_cli.workflow.replies import Replies, Reply

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
    """Everything to prune, or everything that was pruned; `sizes` has the size of each file."""

    replies: Sequence[Reply] = ()
    age: timedelta | None = None
    reads: OldReads
    parts: Sequence[journal_archive.OldPart]
    letters: Sequence[Path]
    sizes: Mapping[Path, int]


@dataclass(frozen=True)
class Retention:
    """Find and prune the expired data of a project."""

    project: Project

    def plan(self, older_than: timedelta | None = None) -> Plan:
        """Find what expires by the rules of `config.toml`, and, with `older_than`, older replies.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        record = records.found(self.project)
        replies = [] if older_than is None else [*self._replies.old(older_than)]
        letters = [*self._old_letters()]
        return Plan(
            age=older_than,
            replies=replies,
            reads=self._old_reads(record) if record else OldReads(),
            parts=self._old_parts() if record else [],
            letters=letters,
            sizes={it: _size(it) for it in (*letters, *(reply.path for reply in replies))},
        )

    def carry_out(self, plan: Plan) -> Plan:
        """Prune it; the result lacks what could not be pruned, such as replies that were requested meanwhile.

        Raises:
            StateUnreadable, StorageFailed: the state of the project cannot be read or written.
        """
        record = records.found(self.project)
        replies = [] if plan.age is None else self._replies.remove(plan.replies, plan.age)
        reads, parts = plan.reads, plan.parts
        if record is not None:
            count = record_retention.prune(record, reads.until, release=self._release)
            parts = journal_archive.archive(self.project, record, parts)
            reads = reads.cut_to(count)
        return Plan(
            age=plan.age,
            replies=replies,
            reads=reads,
            parts=parts,
            letters=_remove(plan.letters),
            sizes=plan.sizes,
        )

    def summaries(self, plan: Plan) -> list[PruneSummary]:
        """Summarize the plan by rule; rules that prune nothing are omitted."""
        return [it for it in self._summaries(plan) if it.count]

    def _summaries(self, plan: Plan) -> Iterator[PruneSummary]:
        settings = self.project.settings
        size = sum(plan.sizes[it.path] for it in plan.replies)
        rule = f"older than {_age_text(plan.age)}" if plan.age is not None else ""
        yield PruneSummary(what="replies", count=len(plan.replies), bytes=size, rule=rule)
        reads = plan.reads
        for count, size, rule in (
            (reads.by_age, reads.bytes_by_age, f"reads_days = {settings.reads_days}"),
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
        size = sum(plan.sizes[it] for it in plan.letters)
        rule = f"letters_days = {settings.letters_days}"
        yield PruneSummary(
            what="settled dead letters", count=len(plan.letters), bytes=size, rule=rule
        )

    @cached_property
    def _replies(self) -> Replies:
        return Replies(self.project)

    def _old_reads(self, record: Record) -> OldReads:
        settings = self.project.settings
        before = clock.as_text(clock.now() - timedelta(days=settings.reads_days))
        rule = record_retention.Rule(before=before, max_bytes=settings.reads_max_bytes)
        stay = [*map(_asking_of, self._replies.asked_for(clock.now() - JUST_ASKED))]
        return record_retention.old_reads(record, rule, stay=stay)

    def _old_parts(self) -> list[journal_archive.OldPart]:
        settings = self.project.settings
        before = clock.now() - timedelta(days=settings.journal_days)
        rule = journal_archive.Rule(before=before.timestamp(), max_bytes=settings.journal_max_bytes)
        return journal_archive.old_parts(self.project, rule)

    def _old_letters(self) -> Iterator[Path]:
        before = clock.as_text(clock.now() - timedelta(days=self.project.settings.letters_days))
        folder = LetterFolder(self.project.dead_letters)
        for letter in folder.letters():
            if letter.state != "waiting" and str(letter.fate.get("at")) < before:
                yield folder.record_of(letter)

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


def _remove(letters: Sequence[Path]) -> list[Path]:
    for done, path in enumerate(letters):
        progress.report(done, len(letters), "removing settled dead letters")
        with translated(path, "remove"):
            path.unlink(missing_ok=True)
    return [*letters]
