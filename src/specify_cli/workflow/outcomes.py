"""What the use cases that change something give back: plain values about missions and packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from specify_cli.core.lanes import Lane
from specify_cli.core.reviews import Feedback
from specify_cli.storage.mission_files import MissionIdentity
from specify_cli.workflow.opened import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitsBeyond:
    """Commits on the branch of an execution lane that no approval covers, newest first."""

    lane_id: str
    branch: str
    commits: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveReport:
    """A package was moved, or was there already (`no_op`)."""

    mission: MissionIdentity
    wp_id: str
    from_lane: Lane
    to_lane: Lane
    prompt_path: Path
    policy_recorded: bool
    no_op: bool = False
    outside_owned_files: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    commit: str | None = None
    commits_not_included: tuple[CommitsBeyond, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceReport:
    """Where a package is worked on; `base_ref` is the commit that its work starts from."""

    mission: MissionIdentity
    wp_id: str
    prompt_path: Path
    workspace: Workspace
    exists: bool
    base_ref: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartReport:
    """Work on a package has started, and where it goes on."""

    move: MoveReport
    workspace: WorkspaceReport
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeReport:
    """The mission's work is in the target branch."""

    mission: MissionIdentity
    target_branch: str
    strategy: str
    merged: tuple[str, ...] = ()
    canceled: tuple[str, ...] = ()
    worktrees_removed: bool = False
    commit: str | None = field(default=None)
    warnings: tuple[str, ...] = ()
    commits_not_included: tuple[CommitsBeyond, ...] = ()
