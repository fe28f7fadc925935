"""What the doctor says of one thing that is not as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How bad it is; a note is no problem."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found; `repair` says what a person does about it.

    `is_fixable`: the host can repair it without losing anything that somebody wrote.
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
    """Something that stands in the way of work."""
    return Finding(
        check=check, severity=Severity.ERROR, file=file, what=what, repair=repair, line=line
    )


def warning(check: str, file: Path, what: str, *, repair: str, line: int | None = None) -> Finding:
    """Something that is wrong, though work can go on."""
    return Finding(
        check=check, severity=Severity.WARNING, file=file, what=what, repair=repair, line=line
    )


def note(check: str, file: Path, what: str, *, repair: str) -> Finding:
    """Something to know, which is no problem."""
    return Finding(check=check, severity=Severity.NOTE, file=file, what=what, repair=repair)


def fixable(
    check: str,
    file: Path,
    what: str,
    *,
    severity: Severity = Severity.WARNING,
    line: int | None = None,
) -> Finding:
    """Something that the host repairs itself when it is told to."""
    return Finding(
        check=check,
        severity=severity,
        file=file,
        what=what,
        repair=FIX,
        line=line,
        is_fixable=True,
    )
