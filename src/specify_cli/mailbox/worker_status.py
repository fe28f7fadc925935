"""What a worker tells only the operator: paths, errors of the disk, and counts of all orchestrators.

It is in the host's private files, which orchestrators cannot read. Each heartbeat renews its date, and
replaces it if it changed.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from specify_cli import __version__, clock
from specify_cli.mailbox.request_counts import RequestCounts
from specify_cli.storage import heartbeat_file
from specify_cli.storage.layout import Layout

HANGS_AFTER_S: Final = 10.0
"""A turn of the main loop that takes longer waits for a disk, or for the record."""

_MOST_BYTES: Final = 4 * 1024 * 1024


class WorkerStatus:
    """The status of one worker; threads may replace its values at any time."""

    def __init__(self, *, commands: frozenset[str], config_digest: str | None) -> None:
        self.counts = RequestCounts(commands)
        self._stalled: dict[str, Mapping[str, str]] = {}
        self._turn: tuple[str, str, float] | None = None
        self._unmovable: dict[str, str] = {}
        self._last_error: Mapping[str, str] | None = None
        self._config: Mapping[str, str | None] = {}
        self.config_is(config_digest)

    @contextlib.contextmanager
    def turn(self, identity: str) -> Iterator[None]:
        """Say that the main loop serves this mailbox while the block runs."""
        turn = self._turn = identity, clock.timestamp(), time.monotonic()
        try:
            yield
        finally:
            # Another thread may have taken over the loop.
            if self._turn is turn:
                self._turn = None

    @property
    def is_hanging(self) -> bool:
        """Whether the main loop has been in one mailbox for too long."""
        turn = self._turn
        return turn is not None and time.monotonic() - turn[2] > HANGS_AFTER_S

    def stall(self, identity: str, reason: str) -> None:
        """Say that the mailbox is stalled, and why."""
        since = self._stalled.get(identity, {}).get("since") or clock.timestamp()
        self._stalled[identity] = {"since": since, "reason": reason}
        self.failed(reason, identity=identity)

    def resume(self, identity: str) -> None:
        """Say that the mailbox is not stalled any more."""
        self._stalled.pop(identity, None)

    def unmovable(self, identity: str, what: str | None) -> None:
        """Say which file of the inbox cannot be moved out of it; None: every file can."""
        if what is None:
            self._unmovable.pop(identity, None)
        else:
            self._unmovable[identity] = what

    def failed(self, what: str, *, identity: str | None = None) -> None:
        """Keep the newest error."""
        where = {"identity": identity} if identity else {}
        self._last_error = {"at": clock.timestamp(), "what": what, **where}

    def config_is(self, digest: str | None) -> None:
        """Say which `config.toml` is in force: the SHA-256 of its content; None if there is no such file."""
        self._config = {"digest": digest, "read_at": clock.timestamp(), "refused": None}

    def config_refused(self, why: str) -> None:
        """Say that a reload was refused, so the former settings are still in force."""
        self._config = {**self._config, "refused": why}

    def report(self) -> dict[str, Any]:
        """Return the current values."""
        turn = self._turn
        return {
            "version": __version__,
            "config": self._config,
            "turn": turn and {"identity": turn[0], "since": turn[1]},
            "stalled": dict(self._stalled),
            "unmovable": dict(self._unmovable),
            "last_error": self._last_error,
            "counts": self.counts.report(),
        }


def read(layout: Layout) -> dict[str, Any] | None:
    """Return the status that the last worker has written; None if this user cannot read one."""
    found, status = heartbeat_file.read(layout.worker_status, _MOST_BYTES)
    if found is not None and status is not None:
        found["beat_at"] = clock.as_text(datetime.fromtimestamp(status.st_mtime, UTC))
    return found


def is_alive(layout: Layout) -> bool:
    """Whether that status is as young as the heartbeat of a living worker."""
    return heartbeat_file.is_alive(layout.worker_status, max_bytes=_MOST_BYTES)
