"""A mission's log as record and file have it together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from specify_cli.storage import log_lines
from specify_cli.storage.kept_log import KeptLog
from specify_cli.storage.log_lines import Comparison, Foreign
from specify_cli.storage.record_entries import KnownMission


class LogView(NamedTuple):
    """A log as record and file have it together.

    Attributes:
        known: The mission, as the record knows it.
        kept: The log, as the record has it.
        raw: The bytes of the file.
        found: How the file stands to the record.
        foreign: The lines of others that the record does not hold yet.
    """

    known: KnownMission
    kept: KeptLog
    raw: bytes
    found: Comparison
    foreign: Sequence[Foreign]

    @property
    def lines(self) -> list[bytes]:
        """All lines, those of others where they stand."""
        return log_lines.with_foreign(self.kept.lines, self.foreign)
