"""A log to which a request or a batch adds lines before they are committed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from specify_cli.core.events import Event
from specify_cli.storage.log_content import FoldedLog, LogContent
from specify_cli.storage.log_memory import Remembered
from specify_cli.storage.record import Record

if TYPE_CHECKING:
    from specify_cli.storage.remembered_log import RememberedLog


class GrowingLog:
    """A log with lines that are not committed yet.

    `known` is the log without them, `content` the content with them.
    """

    def __init__(
        self, log: RememberedLog, record: Record, *, known: Remembered, content: LogContent
    ) -> None:
        self.log, self.record, self.known, self.content = log, record, known, content
        self.lines: list[bytes] = []

    def grow(self, events: Sequence[Event], lines: bytes) -> None:
        """Add events; later requests of the batch see them."""
        before = self.content.folded or FoldedLog(self.content.events)
        whole = before.grown(events)
        self.content = self.content._replace(events=whole.events, folded=whole)
        self.lines.append(lines)

    def follow(self) -> None:
        """Write committed lines to the file; calls after the first do nothing."""
        if self.lines:
            self.log.bring_up(self)
            self.lines = []
