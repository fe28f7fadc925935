"""Ask a spec-kitty host through its mailbox: one file in, one file out.

Needs the standard library alone and imports nothing else, so this file may be copied into a sandbox.
All it must be given is two folders: one to write requests to, one to read replies from.

    from client import Mailbox
    mailbox = Mailbox("/mnt/inbox", "/mnt/outbox")
    envelope = mailbox.call("mission-state", {"mission": "034-search"})
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONTRACT_VERSION = "1.3.0"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Looking again after a twentieth of the time waited so far costs five per cent of it at most.
SHORTEST_PAUSE_S = 0.0005
LONGEST_PAUSE_S = 0.05
WAITED_PER_PAUSE = 20
# How many missed beats make a worker absent.
MISSED_BEATS = 5
DEFAULT_BEAT_INTERVAL_S = 2.0


class NotAnsweredError(TimeoutError):
    """No reply came in time. The request stays valid: `wait` again for `correlation_id`."""

    def __init__(self, message: str, correlation_id: str) -> None:
        super().__init__(message)
        self.correlation_id = correlation_id


class NoWorkerError(NotAnsweredError):
    """No reply came in time, and nobody serves the mailbox. The request will be served later."""


class Mailbox:
    """The two folders that an orchestrator sees of a host."""

    def __init__(self, inbox: str | os.PathLike[str], outbox: str | os.PathLike[str]) -> None:
        self.inbox = Path(inbox)
        self.outbox = Path(outbox)

    def submit(
        self,
        command: str,
        args: Mapping[str, Any],
        *,
        policy: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
        not_after: str | None = None,
    ) -> str:
        """The request waits in the inbox; its correlation id, minted here unless given.

        Raises:
            OSError: the inbox cannot be written to; nothing was submitted.
        """
        correlation_id = correlation_id or new_correlation_id()
        request: dict[str, Any] = {
            "contract_version": CONTRACT_VERSION,
            "correlation_id": correlation_id,
            "command": command,
            "args": dict(args),
        }
        if policy is not None:
            request["policy"] = dict(policy)
        if not_after is not None:
            request["not_after"] = not_after
        self._drop(correlation_id, json.dumps(request).encode())
        return correlation_id

    def wait(self, correlation_id: str, *, timeout_s: float = 60.0) -> dict[str, Any]:
        """The envelope that answers the request of this id.

        Raises:
            NoWorkerError: it did not come in time, and no worker serves the mailbox.
            NotAnsweredError: it did not come in time, though a worker is at work.
        """
        since = time.monotonic()
        while (reply := self.reply(correlation_id)) is None:
            waited_s = time.monotonic() - since
            if waited_s >= timeout_s:
                raise self._why_not_answered(correlation_id, timeout_s)
            pause_s = min(max(SHORTEST_PAUSE_S, waited_s / WAITED_PER_PAUSE), LONGEST_PAUSE_S)
            time.sleep(min(pause_s, timeout_s - waited_s))
        return reply

    def call(
        self,
        command: str,
        args: Mapping[str, Any],
        *,
        policy: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
        timeout_s: float = 60.0,
    ) -> dict[str, Any]:
        """The envelope that answers this request.

        To try again after an error or a crash, call with the same `correlation_id` and the same
        request: it is carried out once.

        Raises:
            OSError: the inbox cannot be written to.
            NotAnsweredError: as for `wait`.
        """
        submitted = self.submit(command, args, policy=policy, correlation_id=correlation_id)
        return self.wait(submitted, timeout_s=timeout_s)

    def reply(self, correlation_id: str) -> dict[str, Any] | None:
        """The envelope that answers the request of this id, or None while there is none."""
        try:
            data = (self.outbox / f"{correlation_id}.json").read_bytes()
        except FileNotFoundError:
            return None
        envelope: dict[str, Any] = json.loads(data)
        return envelope

    def worker_is_alive(self) -> bool:
        """Whether a worker has lately said that it serves this mailbox."""
        path = self.outbox / "worker.json"
        try:
            age_s = time.time() - path.stat().st_mtime
            report = json.loads(path.read_bytes())
            interval_s = float(report.get("interval_s", DEFAULT_BEAT_INTERVAL_S))
        except (OSError, ValueError, AttributeError, TypeError):
            return False
        return report.get("state") != "stopped" and age_s < MISSED_BEATS * interval_s

    def _drop(self, correlation_id: str, data: bytes) -> None:
        temporary = self.inbox / f".{correlation_id}.{secrets.token_hex(4)}.tmp"
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.inbox / f"{correlation_id}.json")
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise

    def _why_not_answered(self, correlation_id: str, timeout_s: float) -> NotAnsweredError:
        waited = f"no reply to {correlation_id} within {timeout_s:g} s"
        if self.worker_is_alive():
            return NotAnsweredError(f"{waited}, a worker is at work; wait again", correlation_id)
        return NoWorkerError(
            f"{waited}, and no worker serves the mailbox: start `spec-kitty mailbox serve`; "
            "the request waits for it",
            correlation_id,
        )


def new_correlation_id() -> str:
    """A new id that sorts by the millisecond of its birth: a ULID."""
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
