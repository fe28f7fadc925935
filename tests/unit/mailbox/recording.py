"""A dispatcher that records effects in its own log and answers in the real journal."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specify_cli import clock, ids
from specify_cli.errors import (
    CorrelationIdConflict,
    RequestMalformed,
    SpecKittyError,
    StorageFailed,
)
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.settings import Orchestrator, WorkerSettings
from specify_cli.storage.journal import Journal
from specify_cli.storage.request_file import Lookup, RequestFile, Wait
from tests.patience import LONGEST_S
from tests.patience import wait_until as wait_until  # noqa: PLC0414  imported from here

LONG_AGO = (1_000_000_000, 1_000_000_000)
SETTINGS = WorkerSettings(
    contract_version="1.3.0",
    orchestrators=(Orchestrator(identity="default", commands=("note",), max_request_bytes=4096),),
    poll_interval_s=0.02,
    beat_interval_s=0.2,
    # Longer than any test waits for a half-written request, even on a busy machine.
    grace_s=2 * LONGEST_S,
    longest_write_s=2 * LONGEST_S,
    first_pause_s=0.01,
    longest_pause_s=0.05,
)
DEFAULT = SETTINGS.orchestrators[0]
NIGHTLY = Orchestrator(identity="nightly", commands=("note", "read"), max_request_bytes=4096)
CLAIM_ID = "01JD8Z6W3M4Y6T1F8B2Q5R7X9N"
RELEASE = "release"


@dataclass(frozen=True)
class RecordedAnswer:
    envelope: Mapping[str, Any]
    is_repeat: bool
    line: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reply(self) -> bytes:
        return json.dumps(self.envelope, separators=(",", ":")).encode() + b"\n"


class RecordingDispatcher:
    """Satisfies `Dispatcher`; `broken` makes it refuse to record, as a full disk does."""

    def __init__(self, layout: MailboxLayout) -> None:
        self.journal = Journal(layout)
        self.effects = layout.root / "effects.log"
        self.broken = False
        self._using = threading.RLock()

    def look_up(self, raw: bytes) -> Lookup:
        try:
            return Lookup(slug=str(json.loads(raw)["args"].get("mission", "")))
        except (ValueError, RecursionError):
            return Lookup(is_whole=False)
        except (TypeError, KeyError, AttributeError):
            return Lookup()

    def answer_bytes(
        self,
        raw: bytes,
        *,
        stem: str,
        identity: str,
        lookup: Lookup | None = None,
        can_wait: bool = False,
        received_at: str | None = None,
    ) -> RecordedAnswer:
        digest = "sha256:" + hashlib.sha256(raw).hexdigest()
        known = self.journal.find(stem, ids.scope_of(ids.MAILBOX, identity))
        if known is not None and known["digest"] == digest:
            return RecordedAnswer(known["envelope"], is_repeat=True)
        try:
            if known is not None:
                raise CorrelationIdConflict("this id was used before; send a new one")
            envelope = _envelope(stem, data=self._carry_out(raw, stem))
        except SpecKittyError as error:
            envelope = _refusal(stem, error)
        return self._record(stem, identity, digest=digest, envelope=envelope)

    def recorded(self, stem: str, *, identity: str) -> RecordedAnswer | None:
        known = self.journal.find(stem, ids.scope_of(ids.MAILBOX, identity))
        return None if known is None else RecordedAnswer(known["envelope"], is_repeat=True)

    def answer_batch(self, files: Sequence[RequestFile]) -> Sequence[RecordedAnswer | Wait | None]:
        return [None for _ in files]

    def newest(self, slug: str) -> int:
        return 0

    def refuse(
        self,
        error: SpecKittyError,
        *,
        stem: str | None,
        identity: str,
        dead_letter: str | None = None,
    ) -> RecordedAnswer:
        correlation_id = stem or f"corr-{dead_letter}"
        known = self.journal.find(correlation_id, ids.scope_of(ids.MAILBOX, identity))
        if known is not None:
            return RecordedAnswer(known["envelope"], is_repeat=True)
        envelope = _refusal(correlation_id, error)
        return self._record(correlation_id, identity, dead_letter=dead_letter, envelope=envelope)

    def has_intents(self) -> bool:
        return True

    def settle_intents(self) -> None:
        """Nothing to settle: these tests use the mailbox alone."""

    def _carry_out(self, raw: bytes, stem: str) -> dict[str, Any]:
        try:
            args = json.loads(raw)["args"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise RequestMalformed("not one JSON object with args") from error
        if "wait_for" in args:
            Path(args["started"]).touch()
            wait_until(Path(args["wait_for"]).exists)
        with self._using:
            self._apply_once(stem)
        return {"echo": args}

    def _apply_once(self, stem: str) -> None:
        done = self.effects.read_text().split() if self.effects.exists() else []
        if stem not in done:
            with self.effects.open("a") as file:
                file.write(stem + "\n")
                file.flush()
                os.fsync(file.fileno())

    def _record(
        self,
        correlation_id: str,
        identity: str,
        *,
        envelope: Mapping[str, Any],
        digest: str | None = None,
        dead_letter: str | None = None,
    ) -> RecordedAnswer:
        if self.broken:
            raise StorageFailed("the disk is full")
        line = {
            "correlation_id": correlation_id,
            "at": clock.timestamp(),
            "door": "mailbox",
            "identity": identity,
            "actor": None,
            "digest": digest,
            "command": envelope["command"],
            "args": {},
            "policy": None,
            "envelope": envelope,
            "event_ids": [],
            "commits": [],
            "dead_letter": dead_letter,
        }
        # A conflict adds a second line for its id.
        self.journal.append(line, unless_known=False)
        return RecordedAnswer(envelope, is_repeat=False)


def _envelope(correlation_id: str, *, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "contract_version": "1.3.0",
        "command": "orchestrator-api.note",
        "timestamp": clock.timestamp(),
        "correlation_id": correlation_id,
        "success": True,
        "error_code": None,
        "data": data,
    }


def _refusal(correlation_id: str, error: SpecKittyError) -> dict[str, Any]:
    data = {"message": error.message, "retryable": error.retryable, **error.details}
    return {
        **_envelope(correlation_id, data=data),
        "success": False,
        "error_code": error.code,
    }


def request_bytes(stem: str, **args: Any) -> bytes:
    return json.dumps(
        {"contract_version": "1.3.0", "correlation_id": stem, "command": "note", "args": args}
    ).encode()


def put(layout: MailboxLayout, stem: str, identity: str = "default", **args: Any) -> None:
    """Drop the request as a well-behaved client does."""
    inbox = layout.paths(identity).inbox
    inbox.mkdir(parents=True, exist_ok=True)
    temporary = inbox / f".{stem}.tmp"
    temporary.write_bytes(request_bytes(stem, **args))
    temporary.rename(inbox / f"{stem}.json")


def put_in_order(layout: MailboxLayout, *stems: str, **args: Any) -> None:
    """Drop the requests, each a tick of the clock after the previous one."""
    for stem in stems:
        put(layout, stem, **args)
        moment = (layout.inbox / f"{stem}.json").stat().st_ctime_ns
        wait_until(lambda moment=moment: _now(layout) > moment)


def _now(layout: MailboxLayout) -> int:
    probe = layout.inbox / ".probe"
    probe.touch()
    return probe.stat().st_ctime_ns


def reply_of(layout: MailboxLayout, stem: str, identity: str = "default") -> dict[str, Any]:
    path = layout.paths(identity).outbox / f"{stem}.json"
    envelope: dict[str, Any] = json.loads(path.read_bytes())
    return envelope


def write_late(path: Path, data: bytes, *, times: tuple[int, int] = LONG_AGO) -> None:
    path.write_bytes(data)
    os.utime(path, times)


def codes(dispatcher: RecordingDispatcher) -> list[str | None]:
    return [line["envelope"]["error_code"] for line in dispatcher.journal.lines()]


def swap(folder: Path, kept: Path, planted: Path) -> None:
    """The link is there; the worker may have made the folder again in between."""
    folder.rename(kept)

    def plant() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(FileExistsError):
            folder.symlink_to(planted)
        return folder.is_symlink()

    wait_until(plant)


def put_right(folder: Path, kept: Path) -> None:
    """The folder is there again; a link in the inbox may be a dead letter by now."""

    def mend() -> bool:
        if folder.is_symlink():
            folder.unlink()
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            kept.rename(folder)
        return not kept.exists()

    wait_until(mend)
