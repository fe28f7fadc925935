"""What every part of a worker works with."""

from __future__ import annotations

from dataclasses import dataclass

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.protocols import Dispatcher, Log
from specify_cli.mailbox.settings import WorkerSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """Where it works, whom it asks, how it behaves, and whom it tells."""

    layout: MailboxLayout
    dispatcher: Dispatcher
    settings: WorkerSettings
    log: Log
