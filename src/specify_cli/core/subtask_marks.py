"""The marks that a caller wants on subtasks."""

from __future__ import annotations

from typing import NamedTuple


class SubtaskMarks(NamedTuple):
    """Subtasks and their new status, "done" or "pending"; of the package `wp_id`, or of any."""

    names: tuple[str, ...]
    status: str
    wp_id: str | None = None
