"""What people describe before it is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDraft:
    """A work package as a person describes it."""

    title: str
    dependencies: Sequence[str] = ()
    owned_files: Sequence[str] = ()
    subtasks: Sequence[str] = ()
    prompt: str | None = None
