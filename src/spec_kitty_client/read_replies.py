"""Replies to commands that change nothing.

Times are RFC 3339 texts in UTC. Commits are full hashes in hexadecimal. Paths are absolute paths of the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spec_kitty_client.contract import Lane
from spec_kitty_client.reply_parts import Feedback, OfMission


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractVersion:
    """Reply to `contract_version`."""

    api_version: str
    min_supported_provider_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Number of work packages in each status lane."""

    planned: int
    claimed: int
    in_progress: int
    for_review: int
    in_review: int
    approved: int
    done: int
    blocked: int
    canceled: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtasks:
    """Number of subtasks of a work package."""

    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkPackage:
    """State of a work package."""

    wp_id: str
    title: str
    lane: Lane
    dependencies: tuple[str, ...]
    dependencies_satisfied: bool
    unsatisfied_dependencies: tuple[str, ...]
    last_actor: str | None
    """Actor of the package's newest event."""
    lane_id: str
    claimed_by: str | None
    reviewer: str | None
    since: str | None
    prompt_path: str
    """Absolute path in the host's file system."""
    subtasks: Subtasks
    commit: str | None = None
    """The commit that was submitted or approved last. None if there is none, or none was
    recorded.
    """
    contested: Lane | None = None
    """The status lane from which a transition in the log claimed to start, although the
    package was not in it. Changes of the package are refused until a forced transition;
    absent for a package that is not contested.
    """
    waiting_for_lane: str | None = None
    """The package of the same execution lane that goes first; absent for a package that
    could be started now, or that waits for something else.
    """
    blocked_from: Lane | None = None
    """The status lane in which the package was when it was blocked."""
    blocked_note: str | None = None
    """Why the package is blocked."""
    feedback: Feedback | None = None
    """What the newest review that sent the package back requested; None if no review did, or if the package
    was approved since.
    """
    last_sign_of_life: str | None = None
    """The newest sign of life of the holder of the package, or of its review. None if nobody holds it, or
    if there was none after `since`.
    """
    stale: bool = False
    """Whether there was no sign of life for `stale_after_s` seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionState(OfMission):
    """Reply to `mission_state`."""

    warnings: tuple[str, ...] = ()
    """Warnings about the mission's files. Empty if there are none."""
    summary: Summary
    work_packages: tuple[WorkPackage, ...]
    position: str | None = None
    """Names this reply, for `after`; None from a host before 1.5.0."""
    changed: bool | None = None
    """Whether the reply differs from the one with the position `after`; None without `after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyWorkPackage:
    """A work package that can be started now."""

    wp_id: str
    lane: Literal["planned"]
    dependencies_satisfied: bool
    recommended_base: str | None
    """The branch that holds the work of the dependency that was satisfied last; None
    without one.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReady(OfMission):
    """Reply to `list_ready`."""

    ready_work_packages: tuple[ReadyWorkPackage, ...]
    position: str | None = None
    """Names this reply, for `after`; None from a host before 1.5.0."""
    changed: bool | None = None
    """Whether the reply differs from the one with the position `after`; None without `after`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveWorkspace(OfMission):
    """Reply to `resolve_workspace`."""

    wp_id: str
    workspace_path: str
    """Absolute path in the host's file system."""
    prompt_path: str
    """Absolute path in the host's file system."""
    workspace_exists: bool
    lane_id: str
    lane_branch: str
    lane_base_ref: str | None
