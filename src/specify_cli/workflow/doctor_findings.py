"""The findings of the doctor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
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


def error(check: str, file: Path, what: str, *, repair: str, line: int | None = None) -> Finding:
    """Return a finding that prevents work."""
    return Finding(
        check=check, severity=Severity.ERROR, file=file, what=what, repair=repair, line=line
    )


def warning(check: str, file: Path, what: str, *, repair: str, line: int | None = None) -> Finding:
    """Return a finding about a fault with which work can continue."""
    return Finding(
        check=check, severity=Severity.WARNING, file=file, what=what, repair=repair, line=line
    )


def note(check: str, file: Path, what: str, *, repair: str, line: int | None = None) -> Finding:
    """Return a finding that is information, not a problem."""
    return Finding(
        check=check, severity=Severity.NOTE, file=file, what=what, repair=repair, line=line
    )


def fixable(
    check: str,
    file: Path,
    what: str,
    *,
    severity: Severity = Severity.WARNING,
    line: int | None = None,
) -> Finding:
    """Return a finding that `doctor --fix` repairs."""
    return Finding(
        check=check,
        severity=severity,
        file=file,
        what=what,
        repair=FIX,
        line=line,
        is_fixable=True,
    )
