"""Compare the published lines with the record."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence

from specify_cli import progress
from specify_cli.storage import published_line
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.record import DROPPED, PRUNED, Record, last_archived


def differences(files: JournalFiles, record: Record) -> Iterator[str]:
    """Describe each published line that differs from the record, or is missing.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged.
    """
    dropped = record.noted(DROPPED)
    # A whole archived part may have been moved elsewhere; what is there has all its lines.
    firsts = {it.name: files.first_of(it) for it in files.archived_parts()}
    numbers = record.numbers(after=min([dropped, *(it - 1 for it in firsts.values())]))
    order = _Order(numbers, dropped=dropped, firsts=firsts)
    pruned, redacted = _Pruned(record.noted(PRUNED)), record.redacted_lines()
    published = files.numbered()
    for place, line in progress.counted(published, "proving the journal", total=len(numbers)):
        try:
            seq = published_line.parse(line)["seq"]
        except (ValueError, RecursionError) as error:
            # Without a line, the place says what is wrong.
            yield f"{place}: is not a line of the journal: {error}" if line else place
            continue
        known = record.published_line(seq) or redacted.get(seq)
        yield from pruned.fault_before(seq, known or line)
        if known is None and pruned.may_be(seq, place=place, line=line):
            known = line
        if known is None:
            yield f"{place}: the host has no line {seq}"
        elif known != line:
            yield f"{place}: {_change(line, known, record.salt_of(seq))}"
        else:
            yield from (f"{place}: {it}" for it in order.faults_at(seq, place))
        order.add(seq, place)
    yield from order.faults_at_ends(files, record)
    for fault in order.faults_at_end():
        yield f"{files.path.name}: {fault}; 'spec-kitty doctor --fix' publishes them again"


class _Order:
    """Check that lines are in order and that none of `numbers` is missing.

    Lines up to `dropped` may be missing, except within an archived part; `firsts` are the first lines of those.
    """

    def __init__(self, numbers: Sequence[int], *, dropped: int, firsts: Mapping[str, int]) -> None:
        self._numbers, self._dropped, self._firsts = numbers, dropped, firsts
        self._seen: set[int] = set()
        self._last = 0
        self._lasts = {name: first - 1 for name, first in firsts.items()}

    def faults_at(self, seq: int, place: str) -> Iterator[str]:
        """Describe what is wrong with the place of that line."""
        if seq in self._seen or seq <= self._last:
            yield f"line {seq} stands behind line {self._last}"
        elif seq != self._last + 1:
            first = self._firsts.get(place.partition(" ")[0], self._dropped + 1)
            start = bisect.bisect_right(self._numbers, max(self._last, first - 1))
            end = bisect.bisect_left(self._numbers, seq)
            if gap := _words(it for it in self._numbers[start:end] if it not in self._seen):
                yield f"{gap} missing before it"

    def add(self, seq: int, place: str) -> None:
        """Add a line that was found."""
        self._seen.add(seq)
        self._last = max(self._last, seq)
        self._lasts[place.partition(" ")[0]] = seq

    def faults_at_ends(self, files: JournalFiles, record: Record) -> Iterator[str]:
        """Describe missing lines at the ends of the archived parts that are still there."""
        for part in files.all_archived():
            first = self._firsts.get(part.name)
            last = 0 if first is None else record.noted(last_archived(first))
            if last and (gap := _words(range(self._lasts[part.name] + 1, last + 1))):
                yield f"{part.name} ends too early: {gap} missing"

    def faults_at_end(self) -> Iterator[str]:
        """Describe missing lines at the end, except the newest, which may be in progress."""
        if missing := _words(
            it for it in self._numbers[:-1] if it > max(self._last, self._dropped)
        ):
            yield f"{missing} not published"


class _Pruned:
    """Lines up to `until` that were pruned from the record: each is proved by the next line."""

    def __init__(self, until: int) -> None:
        self._until = until
        self._seq, self._place, self._line = 0, "", b""

    def may_be(self, seq: int, *, place: str, line: bytes) -> bool:
        """Whether the line of that `seq` may be pruned; remember it for the next line."""
        if seq <= self._until:
            self._seq, self._place, self._line = seq, place, line
        return seq <= self._until

    def fault_before(self, seq: int, line: bytes) -> Iterator[str]:
        """Describe what is wrong with the pruned line before this one."""
        if self._seq == seq - 1 > 0 and not published_line.names_whole(line, self._line):
            yield f"{self._place}: is not what the host wrote"
        self._seq = 0


def _change(line: bytes, known: bytes, salt: bytes | None) -> str:
    if published_line.is_redacted(line, known, salt):
        return "has text that was redacted; run 'spec-kitty doctor --fix'"
    if published_line.is_redacted(known, line):
        return (
            "says that text of it was redacted, and the host's record has that text: the record may have been restored"
            " from a backup; run 'spec-kitty doctor --fix', which redacts it again"
        )
    return "is not what the host wrote"


def _words(numbers: Iterable[int]) -> str:
    """Describe a range of consecutive lines; empty if there is none."""
    found = [*numbers]
    if not found:
        return ""
    return f"line {found[0]} is" if len(found) == 1 else f"lines {found[0]} to {found[-1]} are"


def breaks_of_chain(files: JournalFiles) -> Iterator[str]:
    """Describe each published line that does not continue the one before, without a record.

    Raises:
        StorageFailed: the disk fails.
    """
    seq, digest = 0, published_line.NOTHING_BEFORE
    for place, line in files.numbered():
        seq, complaint = _check(line, expected_seq=seq + 1, expected_prev=digest)
        if complaint:
            yield f"{place}: {complaint}" if line else place
        digest = published_line.link(line)


def _check(line: bytes, *, expected_seq: int, expected_prev: str) -> tuple[int, str | None]:
    """Return the line's `seq`, and what is wrong with it."""
    try:
        entry = published_line.parse(line)
    except (ValueError, RecursionError) as error:
        return expected_seq, f"is not a line of the journal: {error}"
    seq: int = entry["seq"]
    if seq != expected_seq:
        return seq, f"has the number {seq}, expected {expected_seq}"
    if entry.get("prev") != expected_prev:
        return seq, "does not continue the line before it: one of them was changed"
    return seq, None
