"""The findings of the doctor."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path


class Severity(StrEnum):
    """The severity of a finding; a note is not a problem."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding; `repair` tells a person what to do.

    `is_fixable` means that the host can repair it without losing anyone's work.
    """

    check: str
    severity: Severity
    file: Path
    what: str
    repair: str
    line: int | None = None
    is_fixable: bool = False


FIX = "run 'spec-kitty doctor --fix'"


def _finding(
    check: str, file: Path, what: str, *, severity: Severity, repair: str, line: int | None = None
) -> Finding:
    return Finding(check=check, severity=severity, file=file, what=what, repair=repair, line=line)


error = partial(_finding, severity=Severity.ERROR)
"""Return a finding that prevents work."""

warning = partial(_finding, severity=Severity.WARNING)
"""Return a finding about a fault with which work can continue."""

note = partial(_finding, severity=Severity.NOTE)
"""Return a finding that is information, not a problem."""


def fixable(
    check: str,
    file: Path,
    what: str,
    *,
    severity: Severity = Severity.WARNING,
    line: int | None = None,
) -> Finding:
    """Return a finding that `doctor --fix` repairs."""
    found = _finding(check, file, what, severity=severity, repair=FIX, line=line)
    return replace(found, is_fixable=True)
