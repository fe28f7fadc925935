"""The results of changing use cases: plain values about missions and packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from specify_cli.core.lanes import Lane
from specify_cli.core.reviews import Feedback
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.workflow.mission import Workspace


class CommitsBeyond(NamedTuple):
    """Commits on the branch of an execution lane that no approval covers, newest first."""

    lane_id: str
    branch: str
    commits: Sequence[str]


class MoveReport(NamedTuple):
    """A package was moved, or was in that state already (`no_op`)."""

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


class WorkspaceReport(NamedTuple):
    """The workspace of a package; `base_ref` is the commit at which its work starts."""

    mission: MissionIdentity
    wp_id: str
    prompt_path: Path
    workspace: Workspace
    exists: bool
    base_ref: str | None


class StartReport(NamedTuple):
    """Work on a package has started, in this workspace."""

    move: MoveReport
    workspace: WorkspaceReport
    feedback: Feedback | None = None


class MergeReport(NamedTuple):
    """The mission's work is in the target branch."""

    mission: MissionIdentity
    target_branch: str
    strategy: str
    merged: tuple[str, ...] = ()
    canceled: tuple[str, ...] = ()
    worktrees_removed: bool = False
    commit: str | None = None
    warnings: tuple[str, ...] = ()
    commits_not_included: tuple[CommitsBeyond, ...] = ()
