"""Replies about missions, prompts and histories.

Times are RFC 3339 texts in UTC. Commits are full hashes in hexadecimal. Paths are absolute paths of the host.
"""

from __future__ import annotations

from dataclasses import dataclass

from spec_kitty_client.contract import EventKind, Lane
from spec_kitty_client.read_replies import Summary
from spec_kitty_client.reply_parts import Feedback, OfMission


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A mission of the project."""

    mission_slug: str
    """Folder name of the mission."""
    mission_number: int | None
    mission_type: str
    mission_id: str | None = None
    title: str
    target_branch: str
    """The branch that the mission is merged into by default."""
    accepted: bool | None = None
    """Whether the mission was accepted; None if its state cannot be read."""
    merged: bool | None = None
    """Whether every package is done or canceled, and not all are canceled; None if its state cannot be read."""
    summary: Summary | None = None
    """None if the state cannot be read."""
    problem: str | None = None
    """Why its state cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCheckedOut:
    """A mission whose files are not on the branch that is checked out."""

    mission_slug: str
    branch: str
    """The branch on which the host last wrote its log; empty if it is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMissions:
    """Reply to `list_missions`."""

    missions: tuple[Mission, ...]
    """By folder name."""
    later: int
    """How many missions follow the last of `missions`."""
    not_checked_out: tuple[NotCheckedOut, ...]
    not_checked_out_total: int | None = None
    """Their number, if not all are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtask:
    """A subtask of a work package."""

    subtask_id: str
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowPrompt(OfMission):
    """Reply to `show_prompt`."""

    wp_id: str
    prompt_path: str
    prompt: str
    """The first 100,000 characters of the prompt, its checkboxes as in `subtasks`."""
    is_cut: bool = False
    """Whether the prompt is longer than `prompt`."""
    subtasks: tuple[Subtask, ...]
    """In the order of the prompt."""
    subtasks_total: int | None = None
    """Their number, if not all are listed."""
    owned_files: tuple[str, ...]
    """The patterns of the files that the package owns."""
    owned_files_total: int | None = None
    """Their number, if not all are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What an event records of a review. The feedback itself is the `note` of the event."""

    reviewer: str | None = None
    verdict: str | None = None
    reference: str | None = None
    feedback_path: str | None = None
    """As the reviewer named it; the host does not open it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event of a history. Fields that do not apply to its kind are None or empty."""

    event_id: str
    """Empty if another program wrote the event without one."""
    at: str
    """As written in the log."""
    actor: str
    orchestrator: str | None = None
    """The orchestrator that the request came from, or that its policy declares."""
    kind: EventKind
    wp_id: str | None = None
    """None for an event of the mission."""
    from_lane: Lane | None = None
    to_lane: Lane | None = None
    forced: bool = False
    released_holder: str | None = None
    """The actor whose claim the transition released."""
    note: str | None = None
    """The first 10,000 characters of the note or reason."""
    is_cut: bool = False
    """Whether the text is longer than `note`."""
    review: Review | None = None
    subtasks: tuple[Subtask, ...] = ()
    """The subtasks that were marked."""
    commit: str | None = None
    """The commit that was submitted, approved or merged."""
    base: str | None = None
    """The commit on which the work started."""
    correlation_id: str | None = None
    """Id of the request that caused the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageHistory(OfMission):
    """Reply to `package_history`. Read on with the last `event_id` as `after`, or back with the first as `before`."""

    wp_id: str | None = None
    """None if no package was named."""
    history: tuple[Event, ...]
    """The newest event is the last."""
    earlier: int
    """How many events precede the first of `history`."""
    later: int
    """How many events follow the last of `history`."""
    feedback: Feedback | None = None
