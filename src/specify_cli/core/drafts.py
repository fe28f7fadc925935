"""Drafts of work packages, before they are written to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDraft:
    """The description of a new work package."""

    title: str
    dependencies: Sequence[str] = ()
    owned_files: Sequence[str] = ()
    subtasks: Sequence[str] = ()
    prompt: str | None = None
