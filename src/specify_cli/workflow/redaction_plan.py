"""The changes of a redaction to the record: the free texts of a request or event that contain the secret."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from specify_cli.errors import UsageError
from specify_cli.storage import published_line, record_proof, record_rows
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.former_intents import MERGE
from specify_cli.storage.intents import Intents
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.journal_pruned import LineBeside, lines_beside
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import REDACTION, Draft, Entry
from specify_cli.storage.record_lines import lines_of
from specify_cli.storage.record_redaction import Redaction, forms_of

_PROVED: Final = (
    "seq",
    "correlation_id",
    "at",
    "door",
    "identity",
    "digest",
    "command",
    "event_ids",
    "prev",
)
"""Keys of a published line that a redaction does not change."""


@dataclass(slots=True)
class RedactionPlan:
    """The redacted lines, and where else the secret is.

    Attributes:
        replaces: The new published line and log lines of each entry, by position.
        digests: For each of these entries, the new digest of a line to its old one.
        missions: The positions of redacted log lines, by number of the mission.
        lines: Redacted published lines of reads by `seq`; the record may prune their entries.
        requests: The ids of the requests.
        others: The ids of other requests and events that contain the secret.
        has_answers: Whether private fields of answers contain the secret.
        files: Published files with lines that contain the secret and are not the host's.
    """

    replaces: dict[int, tuple[bytes | None, bytes]] = field(default_factory=dict)
    digests: dict[int, dict[str, str]] = field(default_factory=dict)
    missions: dict[int, set[int]] = field(default_factory=dict)
    lines: dict[int, bytes] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    log_lines: int = 0
    published_lines: int = 0
    is_known: bool = False
    has_answers: bool = False

    def keep(self, entry: Entry, after: Entry) -> None:
        """Replace the lines of the entry by those of `after`."""
        self.replaces[entry.position] = after.published, after.log
        pairs = zip(_digests(after), _digests(entry), strict=True)
        self.digests[entry.position] = {now: before for now, before in pairs if now != before}


@dataclass(slots=True)
class _Names:
    """Which lines to redact, and the secret to remove from them."""

    about: str
    requests: set[str]
    secret: str

    def has(self, fields: Mapping[str, Any]) -> bool:
        return fields.get("event_id") == self.about or fields.get("correlation_id") in self.requests


def plan(record: Record, files: JournalFiles, *, about: str, secret: str) -> RedactionPlan:
    """Plan the redaction of the secret; `files` have the lines that the record has pruned.

    Raises:
        UsageError: the secret is in text that cannot be replaced, or the record does not know the id.
        StateUnreadable, StorageFailed: the record cannot be read.
    """
    entries = entries_about(record, about)
    names = _Names(about, {*_requests(entries, about)}, secret)
    is_begun = _has_intent(record, about, names)
    found = RedactionPlan(requests=names.requests, is_known=is_begun)
    found.has_answers = record.has_answer_with(secret)
    for entry in entries:
        _redact(found, entry, names)
    _redact_pruned(found, lines_beside(record, files, {about.encode(), *forms_of(secret)}), names)
    _redact_again(found, record)
    if not found.is_known:
        raise UsageError(f"there is no event and no request {about!r}")
    return found


def entries_about(record: Record, about: str) -> list[Entry]:
    """Return the entries of that event or request, and of the event's request; oldest first."""
    named = {it.position: it for it in record.entries_with(about) if it.kind != REDACTION}
    for request in {*_requests([*named.values()], about)} - {about}:
        others = (it for it in record.entries_with(request) if it.kind != REDACTION)
        named |= {it.position: it for it in others}
    return [named[position] for position in sorted(named)]


def drafts(record: Record, plan: RedactionPlan, redaction: Redaction) -> Iterator[Draft]:
    """Yield one draft for each mission, which folds its states again; the first has what is in no log.

    `redaction` says by whom, why, and about which event or request.
    """
    left, lines = {*plan.replaces}, plan.lines
    missions: list[int | None] = [*plan.missions] or [None]
    for mission in missions:
        others = {it for x, own in plan.missions.items() if x != mission for it in own}
        mine = sorted(left - others)
        left -= {*mine}
        digests = {it: plan.digests[it] for it in mine}
        own = replace(redaction, entries=digests, lines=lines)
        if mine or lines or (plan.has_answers and mission is missions[0]):
            lines = {}
            yield Draft(
                at=redaction.at,
                kind=REDACTION,
                mission=mission,
                behind=None if mission is None else record.position_of(mission),
                log=own.line(),
                replaces={it: plan.replaces[it] for it in mine},
            )


def still_with(record: Record, secret: str, found: RedactionPlan) -> list[str]:
    """Return the ids of other requests and events that contain the secret."""
    forms = forms_of(secret)
    ids: list[str] = []
    for entry in record.entries_with(secret):
        published, log = found.replaces.get(entry.position, (entry.published, entry.log))
        for line in _lines(published, log):
            if any(form in line for form in forms):
                fields = json_object(line) or {}
                ids.append(str(fields.get("event_id") or fields.get("correlation_id") or ""))
    ids += [it.id for it in Intents(record).all() if it.has(forms)]
    ids += found.others
    return list(dict.fromkeys(filter(None, ids)))


def _has_intent(record: Record, about: str, names: _Names) -> bool:
    """Whether the request has an unfinished intent."""
    begun = [it for it in Intents(record).all() if it.id in {about, *names.requests}]
    for intent in begun:
        if intent.has(forms_of(names.secret)):
            slug = intent.what.get("mission_slug") or intent.call.get("args", {}).get("mission")
            is_own = intent.is_here and intent.kind in ("accept", MERGE)
            words = [intent.kind, "--mission", str(slug)] if is_own else ["doctor", "--fix"]
            raise UsageError(
                f"'{intent.kind}' of request {intent.id}, begun at {intent.at}, is not finished, and contains that text:"
                f" run 'spec-kitty {shlex.join(words)}', which completes it or says what prevents that; then try again"
            )
    return bool(begun)


def _requests(entries: Sequence[Entry], about: str) -> Iterator[str]:
    for entry in entries:
        for fields in _parsed_lines(entry):
            request = fields.get("correlation_id")
            named = (fields.get("event_id"), request, *(fields.get("event_ids") or ()))
            if about in named and isinstance(request, str):
                yield request


def _parsed_lines(entry: Entry) -> Iterator[dict[str, Any]]:
    for line in _lines(entry.published, entry.log):
        yield json_object(line) or {}


def _lines(published: bytes | None, log: bytes) -> Iterator[bytes]:
    yield from lines_of(log)
    if published:
        yield published


def _redact(found: RedactionPlan, entry: Entry, names: _Names) -> None:
    published, log = _published(found, entry, names), [*lines_of(entry.log)]
    for index, line in enumerate(log):
        if not names.has(json_object(line) or {}):
            continue
        found.is_known = True
        if entry.mission is not None:
            found.missions.setdefault(entry.mission, set()).add(entry.position)
        if _has(line, names.secret):
            log[index] = record_proof.redacted(line, salt=entry.salt, secret=names.secret)
            found.log_lines += 1
    after = entry._replace(published=published, log=b"".join(log))
    if after != entry:
        found.keep(entry, after)


def _published(found: RedactionPlan, entry: Entry, names: _Names) -> bytes | None:
    """Return the redacted published line of the entry."""
    line = entry.published
    if not line or not names.has(json_object(line) or {}):
        return line
    found.is_known = True
    if not _has(line, names.secret, beside=_PROVED):
        return line
    # A read has no salt: only the next line proves it.
    changed = _redacted(line, names.secret, salt=entry.salt or os.urandom(16))
    found.published_lines += 1
    if entry.is_read and entry.seq:
        found.lines[entry.seq] = changed
    return changed


def _redacted(line: bytes, secret: str, *, salt: bytes) -> bytes:
    link = published_line.link(line)
    return record_proof.redacted_published(line, salt=salt, secret=secret, link=link)


def _redact_pruned(found: RedactionPlan, lines: Iterable[LineBeside], names: _Names) -> None:
    forms = forms_of(names.secret)
    for file, seq, line, is_pruned in lines:
        fields, has_it = json_object(line) or {}, any(form in line for form in forms)
        if not is_pruned:
            # Its origin is unknown, so the host does not change it.
            found.files += [file] if has_it and file not in found.files else []
        elif not names.has(fields) and fields.get("correlation_id") != names.about:
            found.others += [str(fields.get("correlation_id"))] if has_it else []
        else:
            found.is_known = True
            if has_it and _has(line, names.secret, beside=_PROVED):
                found.lines[seq] = _redacted(line, names.secret, salt=os.urandom(16))
                found.published_lines += 1


def _redact_again(found: RedactionPlan, record: Record) -> None:
    """Move lines that an earlier redaction has into that redaction."""
    for entry in record.redaction_entries() if found.lines else ():
        redaction = Redaction.read(entry.log)
        same = redaction.lines.keys() & found.lines.keys()
        if same:
            redaction.lines.update({seq: found.lines.pop(seq) for seq in same})
            found.keep(entry, entry._replace(log=redaction.line()))


def _digests(entry: Entry) -> Iterator[str]:
    return record_proof.digests_of(record_rows.lines_of(entry))


def _has(line: bytes, secret: str, *, beside: Collection[str] | None = None) -> bool:
    """Whether a replaceable text of the line contains the secret; keys in `beside` are not replaceable."""
    count, keys = record_proof.places_of(line, secret)
    fixed = [it for it in keys if beside is None or it in beside]
    if fixed:
        raise UsageError(
            f"that text is in {', '.join(fixed)}, which the host depends on: only free text of people and agents"
            " (notes, reasons, messages, arguments of requests) can be redacted"
        )
    return bool(count or keys)
