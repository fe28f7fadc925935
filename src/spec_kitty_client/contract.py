"""Names of the contract: commands, status lanes, guards and reasons.

A test compares them with the documents of the contract. A newer host may send values that are not listed here.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Command: TypeAlias = Literal[
    "contract-version",
    "mission-state",
    "list-ready",
    "resolve-workspace",
    "start-implementation",
    "start-review",
    "transition",
    "append-history",
    "accept-mission",
    "merge-mission",
    "heartbeat",
    "release-claim",
    "list-missions",
    "show-prompt",
    "package-history",
    "mark-subtasks",
]
"""Every command."""

Lane: TypeAlias = Literal[
    "planned",
    "claimed",
    "in_progress",
    "for_review",
    "in_review",
    "approved",
    "done",
    "blocked",
    "canceled",
]
"""Status lanes of a work package."""

Guard: TypeAlias = Literal[
    "actor",
    "workspace",
    "subtasks_and_evidence",
    "review_claim",
    "review_approved",
    "review_result",
    "review_evidence",
    "review_reference",
    "reason",
    "not_begun",
    "none",
    "edge",
    "force_note",
    "review_agreement",
    "merge",
    "paths",
    "owned_files",
    "unapproved_ancestors",
    "approval_built_upon",
    "commit",
    "self_review",
    "not_stale",
    "not_held",
    "claim_released",
    "contested",
    "intake",
]
"""The rule by which a transition was refused."""

ReasonCode: TypeAlias = Literal[
    "lane_lost",
    "dependency_lost",
    "branch_damaged",
    "conflict",
    "uncommitted_changes",
    "uncommitted_work",
    "lane_occupied",
    "unavailable",
    "in_use",
    "not_a_workspace",
    "partial_clone",
    "unreadable",
    "no_branch",
    "not_descended",
    "diverged",
    "too_much",
    "bad_content",
    "timed_out",
    "no_sandbox",
    "lfs_missing",
]
"""Why a workspace could not be prepared, or its commits not fetched."""

Verdict: TypeAlias = Literal["approved", "changes_requested"]
"""Verdicts of a review."""

SubtaskStatus: TypeAlias = Literal["done", "pending"]
"""The states of a subtask."""

EventKind: TypeAlias = Literal["transition", "note", "subtasks", "commit", "accepted"]
"""The kinds of events in a history."""

Strategy: TypeAlias = Literal["merge", "squash", "rebase"]
"""How approved commits are merged into the target branch."""

CHANGES: Final[frozenset[Command]] = frozenset(
    {
        "start-implementation",
        "start-review",
        "transition",
        "append-history",
        "accept-mission",
        "merge-mission",
        "heartbeat",
        "release-claim",
        "mark-subtasks",
    }
)
"""Commands that change something. Their requests have a correlation id at the command line as well."""

TAKE_POLICY: Final[frozenset[Command]] = frozenset(
    {
        "start-implementation",
        "start-review",
        "transition",
        "accept-mission",
        "merge-mission",
        "heartbeat",
        "release-claim",
    }
)
"""Commands with which the client sends its policy."""
