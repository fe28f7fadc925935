"""Decide several requests one after another, and commit them together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from specify_cli import batch, ids
from specify_cli.errors import SpecKittyError, Unfinished
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_batch import JournalBatch
from specify_cli.storage.record_entries import AlreadyAsked
from specify_cli.storage.request_file import RequestFile, Unchanged, Wait
from specify_cli.workflow.context import Decision

Line: TypeAlias = dict[str, Any]
"""A line of the journal."""

Decide: TypeAlias = Callable[[RequestFile, Decision], Line | None]
"""Returns the line of a request that is decided and not committed yet; None if it has to be answered alone.

Raises `NotInBatch` for the same reason, and `Unchanged` if it waits."""


@dataclass(frozen=True, slots=True)
class _Decided:
    index: int
    line: Line
    decision: Decision = field(compare=False)


def answer(
    files: Sequence[RequestFile],
    decide: Decide,
    *,
    journal: Callable[[], Journal],
    report: Callable[[Exception], object],
) -> list[Line | Wait | None]:
    """Return the recorded line of each request; None for one that has to be answered alone.

    Later requests of the same orchestrator for the same mission have to be answered alone, too. If the commit
    fails, all have to. `report` is called with a fault that occurs after the commit.
    """
    lines: list[Line | Wait | None] = [None] * len(files)
    try:
        with journal().batch() as book, batch.begun() as inside:
            decided = _decided(files, decide, inside, used=_used(files, book), lines=lines)
            if decided:
                book.append([(it.line, it.decision.drafts) for it in decided])
                for it in decided:
                    lines[it.index] = it.line
                    try:
                        it.decision.follow()
                    except Exception as fault:  # noqa: BLE001  it is already committed
                        report(fault)
    except (AlreadyAsked, SpecKittyError):
        # Each request is then answered alone.
        return [None] * len(files)
    return lines


def _used(files: Sequence[RequestFile], book: JournalBatch) -> set[tuple[str, str]]:
    """Return the identity and id of requests whose id was used before."""
    found: set[tuple[str, str]] = set()
    for identity in {it.identity for it in files}:
        stems = [it.stem for it in files if it.identity == identity]
        used = book.used(stems, ids.scope_of(ids.MAILBOX, identity))
        found.update((identity, it) for it in used)
    return found


def _decided(
    files: Sequence[RequestFile],
    decide: Decide,
    inside: batch.Batch,
    *,
    used: set[tuple[str, str]],
    lines: list[Line | Wait | None],
) -> list[_Decided]:
    """Decide each request; note in `lines` those that wait. They hold nothing back."""
    decided: list[_Decided] = []
    left: set[tuple[str, str]] = set()
    for index, file in enumerate(files):
        queue, name = (file.identity, file.lookup.queue), (file.identity, file.stem)
        decision, line = Decision(), None
        if queue not in left and name not in used:
            used.add(name)
            with batch.deciding(inside):
                line = _tried(file, decision, decide)
        if isinstance(line, Wait):
            lines[index] = line
        elif line is None:
            left.add(queue)
        else:
            decided.append(_Decided(index, line, decision))
    return decided


def _tried(file: RequestFile, decision: Decision, decide: Decide) -> Line | Wait | None:
    try:
        line = decide(file, decision)
    except (batch.NotInBatch, Unfinished):
        return None
    except Unchanged as unchanged:
        return unchanged.wait
    if line is not None:
        decision.stand()
    return line
