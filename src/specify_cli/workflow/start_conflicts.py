"""Describe a conflict in what a package starts from, and how to resolve it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from specify_cli.errors import LaneAllocationFailed, StorageFailed
from specify_cli.vcs import host_refs
from specify_cli.vcs.errors import MergeConflict
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.lane_bases import APPROVED, StartParts
from specify_cli.vcs.merge import LaneTip
from specify_cli.vcs.merge_conflicts import conflicts_in
from specify_cli.vcs.merge_result import MergeResult
from specify_cli.workflow import lane_retirement
from specify_cli.workflow.conflicts import Conflict, Conflicts
from specify_cli.workflow.package_commits import PackageCommits, set_aside_ref


def refusal(
    commits: PackageCommits, wp_id: str, parts: StartParts, *, error: MergeConflict
) -> LaneAllocationFailed:
    """Return the refusal of a start whose parts conflict, and make the other side available in the mirror.

    Raises:
        GitFailed: git cannot read the commits.
    """
    mission = commits.mission
    workspace = mission.workspace(wp_id)
    found = list(_found(commits, wp_id, parts, error=error))
    with suppress(GitFailed, StorageFailed, OSError):
        lane_retirement.update_mirror(commits.repository, mission)
    reason = "; ".join(it.sentence for it in found)
    reworked = found[0].wp_id
    if reworked == wp_id:
        remedy = "merge the other side in its workspace and resolve the conflict; then try again"
    else:
        remedy = (
            f"move {reworked} back to in_progress, merge the other side in its workspace, resolve the"
            " conflict, and submit it again; then try again"
        )
    return LaneAllocationFailed(
        f"no workspace for {wp_id} at {workspace.path}: {reason}: {remedy}",
        reason=f"{reason}: {remedy}",
        reason_code="conflict",
        files=list(error.paths),
        conflicting=[it.as_data() for it in found],
        lane_id=workspace.lane_id,
    )


def _found(
    commits: PackageCommits, wp_id: str, parts: StartParts, *, error: MergeConflict
) -> Iterator[Conflict]:
    described = Conflicts(commits.repository, commits.mission)
    if error.brought == APPROVED:
        yield _with_own_work(described, wp_id, error)
    elif parts.goes_on:
        yield described.with_package(wp_id, error.brought, error.paths)
    else:
        yield from _between_parts(commits, parts, error)


def _between_parts(
    commits: PackageCommits, parts: StartParts, error: MergeConflict
) -> Iterator[Conflict]:
    """Describe the conflict of two approved packages. The one that no other builds on is reworked."""
    mission = commits.mission
    described = Conflicts(commits.repository, mission)
    tips = [
        LaneTip(lane_id=mission.lane_ids[x], branch=x, commit=commit)
        for x, commit in {**parts.finished, **parts.merge_in}.items()
    ]
    git = commits.repository.git.with_identity()
    for it in conflicts_in(MergeResult.at(git, commits.origin() or error.ours, {}), tips):
        if it.other is None:
            yield described.with_branch(it.tip.branch, mission.target_branch, it.paths)
            continue
        pair = (it.tip.branch, it.other.branch)
        last = [x for x in pair if mission.last_at_work(mission.lane_ids[x]) == x]
        reworked = (last or pair)[0]
        other = pair[1] if reworked == pair[0] else pair[0]
        yield described.with_package(reworked, other, it.paths)


def _with_own_work(described: Conflicts, wp_id: str, error: MergeConflict) -> Conflict:
    """Describe the conflict of the package's earlier work with the approved work that it builds on.

    The earlier work is in a ref of the host, not in the workspace, so the two are merged in a worktree
    that is removed again.
    """
    mission = described.mission
    root = f"git -C {shlex.quote(str(mission.files.project.root))}"
    place = '"$W"'
    ref = shlex.quote(f"{host_refs.PREFIX}{set_aside_ref(mission, wp_id)}")
    known = described.with_branch(wp_id, mission.workspace(wp_id).branch, error.paths)
    return replace(
        known,
        merge_commands=(
            f'W="$(mktemp -d)/work" && {root} worktree add --detach {place} {error.ours}',
            f"git -C {place} merge --no-edit {error.theirs}",
        ),
        commit_command=(
            f"git -C {place} commit -a --no-edit && {root} update-ref {ref}"
            f' "$(git -C {place} rev-parse HEAD)" && {root} worktree remove {place}'
        ),
    )
