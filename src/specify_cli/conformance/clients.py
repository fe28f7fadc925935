"""An orchestrator is given a mailbox, and what it does with it is watched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from specify_cli.conformance.checks import Check, Result
from specify_cli.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The orchestrator as its author names it."""

    client: str
    serve: str | None = None
    project: Path | None = None
    timeout_s: float = 30.0


def checks() -> list[Check]:
    """Every rule."""
    return []


def verify(
    named: Named, folder: Path, *, only: Sequence[str], progress: Callable[[Result], None]
) -> list[Result]:
    """A result for each rule."""
    raise UsageError("--client: orchestrators are not tested yet")
