"""A mission's log in the record and in its file, read together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from specify_cli.storage import log_comparison
from specify_cli.storage.log_comparison import Comparison, Foreign
from specify_cli.storage.record_entries import KnownMission
from specify_cli.storage.record_lines import RecordLines


class LogView(NamedTuple):
    """A log in the record and in its file.

    Attributes:
        known: The mission in the record.
        kept: The log in the record.
        raw: The bytes of the file.
        found: How the file differs from the record.
        foreign: Lines of other programs that the record does not have yet.
    """

    known: KnownMission
    kept: RecordLines
    raw: bytes
    found: Comparison
    foreign: Sequence[Foreign]

    @property
    def lines(self) -> list[bytes]:
        """All lines, with those of other programs at their places."""
        return log_comparison.with_foreign(self.kept.lines, self.foreign)
