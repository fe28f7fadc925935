"""Parts that several replies have.

Times are RFC 3339 texts in UTC. Commits are full hashes in hexadecimal.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OfMission:
    """What every reply about a mission has."""

    mission_slug: str
    """Folder name of the mission."""
    mission_number: int | None
    mission_type: str
    mission_id: str | None = None
    redacted: tuple[str, ...] = ()
    """Arguments in which a credential was masked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitsNotIncluded:
    """Commits on the branch of an execution lane that no approval covers: the newest 100, and their number."""

    lane_id: str
    lane_branch: str
    commits: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What the newest review that sent the package back requested."""

    reviewer: str
    at: str
    """When it was sent back."""
    reference: str | None = None
    """The reference of the review result, else `review_ref`; None without one."""
    feedback_path: str | None = None
    """As the reviewer named it; the host does not open it. None without one."""
    text: str | None = None
    """The first 10,000 characters of the note of the transition; None without one."""
    is_cut: bool = False
    """The note is longer than `text`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPath:
    """A path that the work may not change, with a commit that changes it."""

    path: str
    commit: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A conflict between the work of a package and another branch, and the commands that resolve it."""

    wp_id: str
    lane_id: str
    lane_branch: str
    with_wp_id: str | None = None
    """The other package; None if the other side is not the work of a package."""
    with_lane_id: str | None = None
    with_branch: str
    paths: tuple[str, ...]
    merge_commands: tuple[str, ...]
    """Commands that begin the merge."""
    commit_command: str
    """The command that ends it, after the files were edited."""
