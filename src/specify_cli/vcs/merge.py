"""Merge lanes into the target branch: compute the merge first, then move the branch once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from specify_cli.files import durability
from specify_cli.vcs.branch_updates import (
    CheckoutPlan,
    catch_up_checkout,
    obstacles_for,
    recover_all,
    update_branch,
)
from specify_cli.vcs.checkout_updates import CheckoutUpdate
from specify_cli.vcs.checkouts import HEADS, Checkout, checkouts_of
from specify_cli.vcs.errors import CheckoutBlocked, MergeConflict, NotReplayed, TargetMoved
from specify_cli.vcs.git import Git
from specify_cli.vcs.merge_conflicts import LaneConflict, conflicts_in
from specify_cli.vcs.merge_result import MergeResult
from specify_cli.vcs.merge_strategies import STRATEGIES, LaneTip, with_note
from specify_cli.vcs.objects import REGULAR, Change, Entry, overlay, tree_changes, write_blobs
from specify_cli.vcs.repository import Repository

__all__ = [
    "CheckoutBlocked",
    "LaneConflict",
    "LaneTip",
    "MergeConflict",
    "MergePlan",
    "NotReplayed",
    "ProtectedFiles",
    "TargetMoved",
    "apply",
    "catch_up",
    "changes_of",
    "compute",
    "conflicts",
    "finish",
    "obstacles",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """A merge that was computed and not yet made; `host_files` are the paths of those in `to_commit`.

    `left_out` are the files that the lanes change and the target keeps.
    """

    target: str
    from_commit: str
    to_commit: str
    host_files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedFiles:
    """Files that lanes cannot change: those that the host writes, and those that stay as in the target.

    `is_kept` returns whether a path stays as in the target; None: no path does.
    """

    host_files: Mapping[str, bytes] = field(default_factory=dict)
    is_kept: Callable[[str], bool] | None = None


def compute(
    repo: Repository,
    *,
    target: str,
    tips: Sequence[LaneTip],
    strategy: str,
    message: str,
    reserved: ProtectedFiles,
) -> MergePlan:
    """Compute the merge as objects; no branch, index or file moves.

    Where the host's files differ, one commit with them follows the lanes. Protected files never
    conflict.

    Raises:
        MergeConflict: the lanes conflict with the target or each other.
        NotReplayed: the strategy rebase cannot write a commit anew, or would lose work.
        GitFailed: no such target, or git refused.
        KeyError: no such strategy.
    """
    build = STRATEGIES[strategy]
    git = repo.git.with_identity()
    begun = _begun(git, target, reserved)
    head = _with_host_files(build(begun, tips, message), message)
    return MergePlan(
        target=target,
        from_commit=begun.commit,
        to_commit=head.commit,
        host_files=tuple(reserved.host_files),
        left_out=tuple(sorted(head.left_out)),
    )


def conflicts(
    repo: Repository, *, target: str, tips: Sequence[LaneTip], reserved: ProtectedFiles
) -> list[LaneConflict]:
    """Return the two sides of each conflict that `compute` would meet; a rebase may meet others.

    Raises:
        GitFailed: no such target, or git refused.
    """
    return list(conflicts_in(_begun(repo.git.with_identity(), target, reserved), tips))


def catch_up(
    repo: Repository, plan: MergePlan, *, message: str, host_files: Mapping[str, bytes]
) -> MergePlan:
    """Merge the plan's commit, which is elsewhere already, with what the target has got since.

    Raises:
        MergeConflict: the two conflict.
        GitFailed: no such target, or git refused.
    """
    git = repo.git.with_identity()
    tip = git.text("rev-parse", "--verify", f"{HEADS}{plan.target}^{{commit}}")
    head = MergeResult.at(git, tip, _entries(git, host_files))
    head = head.merged_with(tip, plan.to_commit)
    head = head.joined(head.tree, plan.to_commit, message=message)
    head = _with_host_files(head, message)
    return MergePlan(
        target=plan.target,
        from_commit=tip,
        to_commit=head.commit,
        host_files=tuple(host_files),
        left_out=plan.left_out,
    )


def changes_of(repo: Repository, plan: MergePlan) -> dict[str, Change]:
    """Return what the merge changes in the target, path by path, without the host's own files.

    Raises:
        GitFailed: the plan's commits are gone.
    """
    found = tree_changes(repo.git, plan.from_commit, plan.to_commit)
    return {path: change for path, change in found.items() if path not in plan.host_files}


def recover_checkouts(repo: Repository, target: str) -> None:
    """Repair every working tree of the target that was left between two commits.

    Raises:
        GitFailed: git refused; the caller may try again.
    """
    recover_all(repo.git, target, checkouts_of(repo.git, target))


def obstacles(repo: Repository, plan: MergePlan) -> list[str]:
    """Describe every reason why the target cannot move now; writes nothing.

    Raises:
        GitFailed: git will not work in a checkout.
    """
    return obstacles_for(checkout_plans(plan, checkouts_of(repo.git, plan.target)))


def apply(repo: Repository, plan: MergePlan) -> None:
    """Move the target and every working tree that has it checked out to `to_commit`, durably.

    Raises:
        TargetMoved: the target was not at `from_commit` any more; nothing has moved.
        CheckoutBlocked: there are obstacles; nothing has moved.
        GitFailed: git refused; nothing has moved.
    """
    recover_checkouts(repo, plan.target)
    found = checkouts_of(repo.git, plan.target)
    tip = repo.branch_tip(plan.target)
    if tip not in (plan.from_commit, plan.to_commit):
        raise TargetMoved(f"{plan.target} is not at {plan.from_commit} any more")
    if tip != plan.to_commit:
        update = CheckoutUpdate(origin=plan.from_commit, goal=plan.to_commit)
        update_branch(repo.git, plan.target, update=update, plans=checkout_plans(plan, found))
    # Durable before anything records the merge.
    durability.sync_all()


def finish(repo: Repository, plan: MergePlan) -> None:
    """Repair every checkout that a crash of `apply` left between two commits, and bring it to the target.

    Raises:
        GitFailed: git refused; the caller may try again.
    """
    recover_checkouts(repo, plan.target)
    found = checkouts_of(repo.git, plan.target)
    tip = repo.branch_tip(plan.target)
    if tip is not None and tip != plan.from_commit and repo.is_ancestor(plan.to_commit, tip):
        for checkout, update in checkout_plans(plan, found, goal=tip):
            catch_up_checkout(checkout, update)


def checkout_plans(
    plan: MergePlan, checkouts: Sequence[Checkout], *, goal: str | None = None
) -> list[CheckoutPlan]:
    """Return how each checkout is to move; in the main one the host's files stay as they are."""
    live = plan.host_files
    end = goal or plan.to_commit
    return [
        (it, CheckoutUpdate(origin=plan.from_commit, goal=end, live=live if it.is_main else ()))
        for it in checkouts
    ]


def _begun(git: Git, target: str, reserved: ProtectedFiles) -> MergeResult:
    start = git.text("rev-parse", "--verify", f"{HEADS}{target}^{{commit}}")
    ours = _entries(git, reserved.host_files)
    return MergeResult.at(git, start, ours, is_kept=reserved.is_kept)


def _entries(git: Git, contents: Mapping[str, bytes]) -> dict[str, Entry]:
    oids = write_blobs(git, list(contents.values())) if contents else []
    return {path: Entry(mode=REGULAR, oid=oid) for path, oid in zip(contents, oids, strict=True)}


def _with_host_files(head: MergeResult, message: str) -> MergeResult:
    tree = overlay(head.git, head.tree, head.ours) if head.ours else head.tree
    return head if tree == head.tree else head.joined(tree, message=with_note(message, "record"))
