"""Replies to commands that change the state of a mission.

Times are RFC 3339 texts in UTC. Commits are full hashes in hexadecimal. Paths are absolute paths of the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spec_kitty_client.contract import Lane, Strategy, SubtaskStatus
from spec_kitty_client.reply_parts import CommitsNotIncluded, Feedback, OfMission


@dataclass(frozen=True, slots=True, kw_only=True)
class StartImplementation(OfMission):
    """Reply to `start_implementation`."""

    wp_id: str
    from_lane: Lane
    to_lane: Literal["in_progress"]
    workspace_path: str
    """Absolute path in the host's file system."""
    prompt_path: str
    """Absolute path in the host's file system."""
    policy_metadata_recorded: bool
    no_op: bool
    lane_id: str
    lane_branch: str
    lane_base_ref: str | None
    """The commit from which its work started; None if the work began under a host that did
    not record it.
    """
    feedback: Feedback | None = None
    """What the newest review that sent the package back requested; None if no review did, or if the package
    was approved since.
    """
    warnings: tuple[str, ...] = ()
    """Warnings for the caller. Empty if there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReview(OfMission):
    """Reply to `start_review`."""

    wp_id: str
    from_lane: Lane
    to_lane: Literal["in_review"]
    prompt_path: str
    """Absolute path in the host's file system."""
    policy_metadata_recorded: bool
    no_op: bool
    outside_owned_files: tuple[str, ...] = ()
    """Changed files outside the package's `owned_files`; the first 100. Empty if there are
    none.
    """
    warnings: tuple[str, ...] = ()
    """Warnings for the caller. Empty if there are none."""
    commit: str | None = None
    """The commit that is submitted, reviewed or approved. None if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition(OfMission):
    """Reply to `transition`."""

    wp_id: str
    from_lane: Lane
    to_lane: Lane
    policy_metadata_recorded: bool
    outside_owned_files: tuple[str, ...] = ()
    """Changed files outside the package's `owned_files`; the first 100. Empty if there are
    none.
    """
    warnings: tuple[str, ...] = ()
    """Warnings for the caller. Empty if there are none."""
    commits_not_included: tuple[CommitsNotIncluded, ...] = ()
    """Commits on branches of execution lanes that no approval covers, newest first, the
    first 100 of each; `total` is their number. Empty if there are none.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSubtasks(OfMission):
    """Reply to `mark_subtasks`."""

    subtasks: tuple[str, ...]
    """As requested."""
    status: SubtaskStatus
    work_packages: tuple[str, ...]
    """The packages that have them."""
    unchanged: tuple[str, ...] = ()
    """The subtasks that had this status before. Nothing was recorded for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendHistory(OfMission):
    """Reply to `append_history`."""

    wp_id: str
    history_entry_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(OfMission):
    """Reply to `heartbeat`."""

    wp_id: str
    last_sign_of_life: str
    stale_after_s: int | None = None
    """The setting of the operator; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseClaim(OfMission):
    """Reply to `release_claim`."""

    wp_id: str
    from_lane: Lane
    to_lane: Lane
    released_holder: str
    """The actor whose claim, or review, was released."""
    policy_metadata_recorded: bool
    commit: str | None = None
    """The newest commit of the package, which the host keeps for its next start."""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptMission(OfMission):
    """Reply to `accept_mission`."""

    accepted: bool
    mode: Literal["auto"]
    accepted_at: str
    accepted_wps: tuple[str, ...]
    approved_wps: tuple[str, ...]
    done_wps: tuple[str, ...]
    merge_pending_wps: tuple[str, ...]
    canceled_wps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeMission(OfMission):
    """Reply to `merge_mission`."""

    merged: bool
    target_branch: str
    strategy: Strategy
    merged_wps: tuple[str, ...]
    worktree_removed: bool
    commit: str | None
    canceled_wps: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    """Warnings for the caller. Empty if there are none."""
    commits_not_included: tuple[CommitsNotIncluded, ...] = ()
    """Commits on branches of execution lanes that no approval covers, newest first, the
    first 100 of each; `total` is their number. Empty if there are none.
    """
