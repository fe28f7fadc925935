"""Drafts and changes of work packages, before they are written to files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDraft:
    """The description of a new work package."""

    title: str
    dependencies: Sequence[str] = ()
    owned_files: Sequence[str] = ()
    subtasks: Sequence[str] = ()
    prompt: str | None = None


class PackageEdit(NamedTuple):
    """The new values of a package; None where one stays. `content` is the whole prompt."""

    wp_id: str
    title: str | None = None
    dependencies: Sequence[str] | None = None
    owned_files: Sequence[str] | None = None
    prompt: str | None = None
    content: str | None = None
