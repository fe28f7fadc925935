"""Apply redactions to files: logs, replies, the published journal, and files that the host has set aside."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from specify_cli import ids
from specify_cli.errors import SpecKittyError
from specify_cli.files import locks
from specify_cli.files.atomic import DRAFT, publish, translated
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.plain import compact
from specify_cli.storage import journal_index_file, published_line
from specify_cli.storage.deferred_log import DeferredLog
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_files import MOST_UNPACKED, PACKED
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_redaction import forms_of
from specify_cli.workflow.restore_files import folder_of_replaced

MARK = b"[redacted]"
MOST_BYTES = 512 * 1024 * 1024
_log = DeferredLog(__name__)


def redact_own(project: Project, secret: str) -> tuple[list[Path], list[Path]]:
    """Redact the files that the host has set aside, and remove unfinished files that contain the secret.

    Returns:
        The files that were changed or removed, and other files of the host that still contain the secret.

    Raises:
        StorageFailed: the disk refused.
    """
    changed = [*_remove_drafts(project, secret)]
    left: list[Path] = []
    forms = sorted(forms_of(secret), key=len, reverse=True)
    ours = (project.attic, project.torn, project.dead_letters)
    files = [(path, any(it in path.parents for it in ours)) for path in _files_below(project.host)]
    # Ours last: a request that becomes a dead letter meanwhile is found there.
    for path, is_ours in sorted(files, key=lambda it: it[1]):
        is_packed = path.suffix == PACKED
        data = _unpacked(path) if is_packed else _read(path)
        if data is None and is_packed and os.path.lexists(path):
            left.append(path)  # It may contain the secret.
        if data is None or not any(form in data for form in forms):
            continue
        if not is_ours:
            # The index is removed with the redaction.
            left += [path] if project.cache not in path.parents else []
            continue
        for form in forms:
            data = data.replace(form, MARK)
        data = gzip.compress(data, mtime=0) if is_packed else data
        with translated(path, "redact"):
            publish(path, data, mode=stat.S_IMODE(path.stat().st_mode), below=project.root)
        changed.append(path)
    return changed, [*left, *_replaced_with(project, forms)]


def _replaced_with(project: Project, forms: Collection[bytes]) -> Iterator[Path]:
    """Yield the files that a restore has replaced and that contain one of the forms, or may do so."""
    for path in _files_below(folder_of_replaced(project.record)):
        data = _unpacked(path) if path.suffix == PACKED else _read(path)
        if data is None or any(form in data for form in forms):
            yield path


def _remove_drafts(project: Project, secret: str) -> Iterator[Path]:
    forms = forms_of(secret)
    for folder in (project.outbox, project.archive, project.missions):
        for path in _files_below(folder):
            data = _read(path) if DRAFT.fullmatch(path.name) else None
            if data is not None and any(form in data for form in forms):
                with translated(path, "remove"):
                    path.unlink(missing_ok=True)
                yield path


def affected_replies(
    project: Project, record: Record, requests: set[str], *, secret: str
) -> list[Path]:
    """Return the reply files that a redaction rewrites.

    They are those of `requests` with the secret, and those with fields of answers that a redaction drops.
    """
    forms = forms_of(secret)
    asked = _replies(project, record, _lines_of(record, requests))
    found = {it for it, _ in asked if any(form in (_read(it) or b"") for form in forms)}
    for line in map(published_line.parse, record.private_reads()):
        for path, _ in _replies(project, record, [line]):
            if _read(path) != _encoded(line["envelope"]):
                found.add(path)
    return sorted(found)


def _replies(
    project: Project, record: Record, lines: Iterable[dict[str, Any]]
) -> Iterator[tuple[Path, Any]]:
    for line in lines:
        if line.get("door") != ids.MAILBOX or line.get("dead_letter"):
            continue
        identity, scope = str(line.get("identity")), published_line.scope_of(line)
        folder = (
            project.outbox if identity == ids.DEFAULT_ORCHESTRATOR else project.outbox / identity
        )
        path = folder / f"{line['correlation_id']}.json"
        first = record.find(line["correlation_id"], scope)
        if first is not None and os.path.lexists(path):
            yield path, published_line.parse(first)["envelope"]


def apply_redactions(
    project: Project, record: Record, *, locked: Collection[str] = ()
) -> list[str]:
    """Bring logs, replies and published lines up to date with the redactions in the record; return failures.

    The caller holds the locks of the missions in `locked`.
    """
    complaints: list[str] = []
    redactions = record.redactions()
    positions = {it for redaction in redactions for it in redaction.entries}
    requests = {
        published_line.parse(entry.published)["correlation_id"]
        for entry in map(record.entry_at, positions)
        if entry and entry.published
    }
    with _collecting(complaints):
        Journal(project).redact()
    # A reader may have made it from files that were not redacted yet.
    with _collecting(complaints):
        journal_index_file.remove(project)
    # A redaction has dropped the private fields of all answers.
    private = _replies(project, record, map(published_line.parse, record.private_reads()))
    for path, envelope in (*_replies(project, record, _lines_of(record, requests)), *private):
        with _collecting(complaints):
            _rewrite(project, path, envelope)
    for slug in all_missions(project):
        files = MissionFiles(project, slug)
        with _collecting(complaints), ExitStack() as stack:
            if not files.log.view().found.unredacted:
                continue
            if slug not in locked:
                stack.enter_context(locks.held(files.lock))
            files.log.redact()
    return complaints


def complete(
    project: Project, record: Record, *, locked: Collection[str] = (), secret: str | None = None
) -> None:
    """Apply the redactions in the record to all files; log failures, which are retried later.

    `secret` is redacted also in files that were set aside since, from what was read before the redaction.
    """
    complaints = apply_redactions(project, record, locked=locked)
    if secret is not None:
        with _collecting(complaints):
            redact_own(project, secret)
    if not complaints:
        with _collecting(complaints):
            record.finish_redaction()
    for complaint in complaints:
        _log.warning("%s; redacted text is still there: run the redaction again", complaint)


class _collecting(suppress):  # noqa: N801  used like the function that it extends
    """Collect the error of the block instead of raising it."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__(SpecKittyError, OSError)
        self._complaints = complaints

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        """Do the same as `suppress`."""
        is_ours = super().__exit__(kind, error, trace)
        if is_ours and error is not None:
            self._complaints.append(str(getattr(error, "message", error)))
        return is_ours


def _rewrite(project: Project, path: Path, envelope: Any) -> None:
    data = _encoded(envelope)
    if _read(path) != data:
        mode = stat.S_IMODE(path.lstat().st_mode)
        publish(path, data, mode=mode, below=project.root)


def _encoded(envelope: Any) -> bytes:
    return compact(envelope).encode("ascii") + b"\n"


def _lines_of(record: Record, requests: set[str]) -> Iterator[dict[str, Any]]:
    for request in requests:
        for entry in record.entries_with(request):
            line = published_line.parse(entry.published) if entry.published else {}
            if line.get("correlation_id") == request:
                yield line


def _files_below(folder: Path) -> Iterator[Path]:
    for at, _, names in os.walk(folder):
        yield from (Path(at, name) for name in sorted(names))


def _unpacked(path: Path) -> bytes | None:
    with suppress(OSError, EOFError, zlib.error), gzip.open(io.BytesIO(_read(path) or b"")) as file:
        data = file.read(MOST_UNPACKED + 1)
        return data if len(data) <= MOST_UNPACKED else None
    return None


def _read(path: Path) -> bytes | None:
    with suppress(OSError, NotRegular, TooLarge):
        return read_regular(path, max_bytes=MOST_BYTES)
    return None
