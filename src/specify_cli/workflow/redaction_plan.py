"""What a redaction changes in the record: the free texts of one request, or of one event, that have the secret."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from specify_cli.errors import UsageError
from specify_cli.storage import published_line, record_proof, record_rows
from specify_cli.storage.event_lines import json_object
from specify_cli.storage.kept_log import lines_of
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import REDACTION, Entry

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
"""Keys of a published line that stay what they are."""


@dataclass(slots=True)
class RedactionPlan:
    """What entries have from now on, by position, and for each the digests of its lines: now, and before.

    `missions` are the numbers of the missions whose logs they are in, `requests` the ids of the requests.
    """

    replaces: dict[int, tuple[bytes | None, bytes]] = field(default_factory=dict)
    digests: dict[int, dict[str, str]] = field(default_factory=dict)
    missions: dict[int, set[int]] = field(default_factory=dict)
    requests: set[str] = field(default_factory=set)
    log_lines: int = 0
    published_lines: int = 0
    is_known: bool = False


@dataclass(slots=True)
class _Names:
    """What tells the lines that are meant, and what is taken out of them."""

    about: str
    requests: set[str]
    secret: str

    def has(self, said: Mapping[str, Any]) -> bool:
        return said.get("event_id") == self.about or said.get("correlation_id") in self.requests


def plan(record: Record, about: str, secret: str) -> RedactionPlan:
    """Where the secret is taken out of.

    Raises:
        UsageError: it is where no text can be replaced, or the record knows nothing of that id.
        StateUnreadable, StorageFailed: as the record's.
    """
    named = [it for it in record.entries_with(about) if it.kind != REDACTION]
    names = _Names(about, {*_requests(named, about)}, secret)
    found = RedactionPlan(requests=names.requests)
    entries = {it.position: it for it in named}
    for request in names.requests - {about}:
        entries |= {it.position: it for it in record.entries_with(request)}
    for position in sorted(entries):
        _redact(found, entries[position], names)
    if not found.is_known:
        raise UsageError(f"the host knows no event and no request {about!r}")
    return found


def still_with(record: Record, secret: str, found: RedactionPlan) -> list[str]:
    """The ids of requests and events beside those that have the secret, too."""
    others = (it for it in record.entries_with(secret) if it.position not in found.replaces)
    ids = (str(it.get("event_id") or it.get("correlation_id")) for e in others for it in _said(e))
    return list(dict.fromkeys(ids))


def _requests(entries: list[Entry], about: str) -> Iterator[str]:
    for entry in entries:
        for said in _said(entry):
            request = said.get("correlation_id")
            named = (said.get("event_id"), request, *(said.get("event_ids") or ()))
            if about in named and isinstance(request, str):
                yield request


def _said(entry: Entry) -> Iterator[dict[str, Any]]:
    for line in (*lines_of(entry.log), *([entry.published] if entry.published else [])):
        yield json_object(line) or {}


def _redact(found: RedactionPlan, entry: Entry, names: _Names) -> None:
    published, log = entry.published, [*lines_of(entry.log)]
    if published and names.has(json_object(published) or {}):
        found.is_known = True
        if _has(published, names.secret, beside=_PROVED):
            link = published_line.link(published)
            # A read has none: nothing but the line behind it proves it.
            salt = entry.salt or os.urandom(16)
            published = record_proof.redacted_published(
                published, salt=salt, secret=names.secret, link=link
            )
            found.published_lines += 1
    for place, line in enumerate(log):
        if not names.has(json_object(line) or {}):
            continue
        found.is_known = True
        if entry.mission is not None:
            found.missions.setdefault(entry.mission, set()).add(entry.position)
        if _has(line, names.secret):
            log[place] = record_proof.redacted(line, salt=entry.salt, secret=names.secret)
            found.log_lines += 1
    after = entry._replace(published=published, log=b"".join(log))
    if after != entry:
        found.replaces[entry.position] = after.published, after.log
        pairs = zip(_digests(after), _digests(entry), strict=True)
        found.digests[entry.position] = {now: before for now, before in pairs if now != before}


def _digests(entry: Entry) -> Iterator[str]:
    return record_proof.digests_of(record_rows.lines_of(entry))


def _has(line: bytes, secret: str, *, beside: Collection[str] | None = None) -> bool:
    """Whether a text of the line that can be replaced has it: a free one, or one that is not `beside`.

    Raises:
        UsageError: something else has it.
    """
    count, keys = record_proof.places_of(line, secret)
    fixed = [it for it in keys if beside is None or it in beside]
    if fixed:
        raise UsageError(
            f"that text is in {', '.join(fixed)}, which the host itself goes by: only what people and agents write"
            " freely (notes, reasons, messages, what a request asks for) can be redacted"
        )
    return bool(count or keys)
