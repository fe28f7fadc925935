"""What the use cases give back: plain values about missions and packages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from specify_cli.core.lanes import Lane
from specify_cli.core.reviews import Feedback
from specify_cli.storage.mission_files import MissionIdentity
from specify_cli.workflow.opened import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageReport:
    """One package as an orchestrator or a person wants to see it."""

    wp_id: str
    title: str
    lane: Lane
    dependencies: tuple[str, ...]
    unsatisfied_dependencies: tuple[str, ...]
    last_actor: str | None
    claimed_by: str | None
    reviewer: str | None
    since: str | None
    lane_id: str
    prompt_path: Path
    subtasks_done: int
    subtasks_total: int
    commit: str | None = None
    waiting_for_lane: str | None = None
    feedback: Feedback | None = None
    last_sign_of_life: datetime | None = None
    is_stale: bool = False
    recommended_base: str | None = None
    contested: Lane | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionReport:
    """A mission and its packages, in the order of their ids; `warnings` are for people."""

    mission: MissionIdentity
    packages: tuple[PackageReport, ...]
    warnings: tuple[str, ...] = ()


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
class ReleaseReport:
    """The claim of an actor has ended, and the package was moved with that."""

    move: MoveReport
    released_holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AliveReport:
    """The holder of a package is alive; `stale_after_s` is the operator's rule."""

    mission: MissionIdentity
    wp_id: str
    at: datetime
    stale_after_s: int | None


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
class NoteReport:
    """Something was written down about packages of a mission."""

    mission: MissionIdentity
    wp_ids: tuple[str, ...]
    entry_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptReport:
    """Every package was found approved or done; canceled ones are set aside."""

    mission: MissionIdentity
    accepted_at: str
    approved: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    canceled: tuple[str, ...] = ()


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
