"""Settings of a worker, and the context that its parts share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.protocols import Dispatcher, Log
from specify_cli.mailbox.worker_status import WorkerStatus
from specify_cli.protocol import (
    MAX_DAILY_BYTES,
    MAX_DAILY_REQUESTS,
    MAX_REQUEST_BYTES,
    MAX_WAITING,
    MAX_WAITING_BYTES,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orchestrator:
    """An orchestrator with a mailbox of its own, and its limits.

    The dispatcher decides what it may do; `commands` is only published in the heartbeat.

    Attributes:
        owner_uid: The user whose files are accepted as requests; None: any user's.
    """

    identity: str
    commands: tuple[str, ...]
    owner_uid: int | None = None
    max_waiting: int = MAX_WAITING
    max_waiting_bytes: int = MAX_WAITING_BYTES
    max_request_bytes: int = MAX_REQUEST_BYTES
    max_daily_requests: int = MAX_DAILY_REQUESTS
    max_daily_bytes: int = MAX_DAILY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """Settings of a worker.

    Attributes:
        commands: All commands of the contract.
        config_digest: The SHA-256 of the `config.toml` that these settings are from; None without one.
        max_ungranted: How many mailboxes without a grant are answered.
        grace_s: How recently a file that does not parse must have changed to count as being written.
        longest_write_s: How long a file may count as being written.
        first_pause_s: The pause after a disk failure; doubled each time, up to `longest_pause_s`.
        reload: Reads the settings again; it keeps the former ones if it fails. None: they cannot be read again.
    """

    contract_version: str
    orchestrators: tuple[Orchestrator, ...]
    commands: frozenset[str] = frozenset()
    config_digest: str | None = None
    max_ungranted: int = 256
    poll_interval_s: float = 1.0
    beat_interval_s: float = 2.0
    grace_s: float = 2.0
    longest_write_s: float = 30.0
    look_again_s: float = 0.1
    first_pause_s: float = 0.25
    longest_pause_s: float = 10.0
    reload: Callable[[], NewSettings] | None = None


class NewSettings(NamedTuple):
    """Settings that were read again, and a text for each change."""

    settings: WorkerSettings
    changes: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """Paths, dispatcher, settings, log and status that every part of a worker uses."""

    layout: MailboxLayout
    dispatcher: Dispatcher
    settings: WorkerSettings
    log: Log
    status: WorkerStatus
