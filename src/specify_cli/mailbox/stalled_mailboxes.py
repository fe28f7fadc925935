"""Mailboxes that are stalled: the log, the operator and the heartbeat say so."""

from __future__ import annotations

from specify_cli.mailbox.backoff import Backoff
from specify_cli.mailbox.heartbeat import Heartbeat
from specify_cli.mailbox.log_lines import LogLine
from specify_cli.mailbox.settings import WorkerContext


class StalledMailboxes:
    """The back-off of every known mailbox, and what is reported about it."""

    def __init__(self, context: WorkerContext, heartbeat: Heartbeat) -> None:
        self.backoffs: dict[str, Backoff] = {}
        self._log = context.log
        self._status = context.status
        self._heartbeat = heartbeat

    def begin(self, identity: str, reason: str, *, public: str) -> float:
        """Say that the mailbox is stalled; return the pause in seconds. Orchestrators read `public`."""
        backoff = self.backoffs[identity]
        if backoff.begin(reason):
            text = f"mailbox {identity} stalled; nothing is lost, retrying: {reason}"
            fields = {"identity": identity, "reason": reason}
            self._log(LogLine(text, "mailbox.stalled", level="error", fields=fields))
        self._status.stall(identity, reason)
        self._heartbeat.set_state(identity, "stalled", stalled_reason=public)
        return backoff.remaining_s()

    def end(self, identity: str) -> None:
        """Say that the mailbox is running again."""
        self.backoffs[identity].end()
        text, fields = f"mailbox {identity} is running again", {"identity": identity}
        self._log(LogLine(text, "mailbox.resumed", fields=fields))
        self._status.resume(identity)
        self._heartbeat.set_state(identity, "running")
