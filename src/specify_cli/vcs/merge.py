"""Merges lanes into the target branch: computed first, then moved once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from specify_cli.files import sync
from specify_cli.vcs.branch_moves import (
    Journey,
    TargetMoved,
    follow,
    obstacles_to,
    settle_all,
    travel,
)
from specify_cli.vcs.checkouts import HEADS, Checkout, checkouts_of
from specify_cli.vcs.git import Git
from specify_cli.vcs.merge_strategies import STRATEGIES, Head, LaneTip, NotReplayed, noted
from specify_cli.vcs.moves import CheckoutBlocked, Move
from specify_cli.vcs.objects import (
    REGULAR,
    Change,
    Entry,
    MergeConflict,
    overlay,
    tree_changes,
    write_blobs,
)
from specify_cli.vcs.repository import Repository

__all__ = [
    "CheckoutBlocked",
    "LaneTip",
    "MergeConflict",
    "MergePlan",
    "NotReplayed",
    "Reserved",
    "TargetMoved",
    "apply",
    "catch_up",
    "changes_of",
    "compute",
    "finish",
    "obstacles",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePlan:
    """A merge that was computed and not yet made; `host_files` are the paths of those in `to_commit`.

    `left_out` are the files that the lanes change and the target keeps as it has them.
    """

    target: str
    from_commit: str
    to_commit: str
    host_files: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """Where the lanes have no say: files that the host alone writes, and files that stay as they are.

    `is_kept` judges paths of the target; None is "none stays".
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
    reserved: Reserved,
) -> MergePlan:
    """The merge exists as objects; no branch, index or file has moved.

    On top of the lanes comes one commit with the host's files, where those differ. What is reserved
    never conflicts.

    Raises:
        MergeConflict: the lanes conflict with the target or each other.
        NotReplayed: the strategy rebase cannot write a commit anew, or would lose work.
        GitFailed: no such target, or git refused.
        KeyError: no such strategy.
    """
    build = STRATEGIES[strategy]
    git = repo.git.with_identity()
    start = git.text("rev-parse", "--verify", f"{HEADS}{target}^{{commit}}")
    ours = _entries(git, reserved.host_files)
    begun = Head.at(git, start, ours, is_kept=reserved.is_kept)
    head = _with_host_files(build(begun, tips, message), message)
    return MergePlan(
        target=target,
        from_commit=start,
        to_commit=head.commit,
        host_files=tuple(reserved.host_files),
        left_out=tuple(sorted(head.left_out)),
    )


def catch_up(
    repo: Repository, plan: MergePlan, *, message: str, host_files: Mapping[str, bytes]
) -> MergePlan:
    """The plan's commit, which is elsewhere already, joined with what the target has got since.

    Raises:
        MergeConflict: the two conflict.
        GitFailed: no such target, or git refused.
    """
    git = repo.git.with_identity()
    tip = git.text("rev-parse", "--verify", f"{HEADS}{plan.target}^{{commit}}")
    head = Head.at(git, tip, _entries(git, host_files))
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
    """Path by path, what the merge changes in the target, but for the host's own files.

    Raises:
        GitFailed: the plan's commits are gone.
    """
    found = tree_changes(repo.git, plan.from_commit, plan.to_commit)
    return {path: change for path, change in found.items() if path not in plan.host_files}


def settle(repo: Repository, target: str) -> None:
    """No working tree of the target is left between two commits, whoever left it there.

    Raises:
        GitFailed: git refused; to be tried again.
    """
    settle_all(repo.git, target, checkouts_of(repo.git, target))


def obstacles(repo: Repository, plan: MergePlan) -> list[str]:
    """Every reason, in words, why the target cannot move now; writes nothing.

    Raises:
        GitFailed: git will not work in a checkout.
    """
    return obstacles_to(journeys(plan, checkouts_of(repo.git, plan.target)))


def apply(repo: Repository, plan: MergePlan) -> None:
    """The target is at `to_commit`, and so is every working tree that has it out, on the disk too.

    Raises:
        TargetMoved: the target was not at `from_commit` any more; nothing has moved.
        CheckoutBlocked: there are obstacles; nothing has moved.
        GitFailed: git refused; nothing has moved.
    """
    settle(repo, plan.target)
    found = checkouts_of(repo.git, plan.target)
    tip = repo.branch_tip(plan.target)
    if tip not in (plan.from_commit, plan.to_commit):
        raise TargetMoved(f"{plan.target} is not at {plan.from_commit} any more")
    if tip != plan.to_commit:
        move = Move(origin=plan.from_commit, goal=plan.to_commit)
        travel(repo.git, plan.target, move=move, journeys=journeys(plan, found))
    # Before anything records that it was merged.
    sync.sync_all()


def finish(repo: Repository, plan: MergePlan) -> None:
    """No checkout is left between two commits by a crash of `apply`: each stands where the target
    does, which is at or after `to_commit`, or still at `from_commit`.

    Raises:
        GitFailed: git refused; to be tried again.
    """
    settle(repo, plan.target)
    found = checkouts_of(repo.git, plan.target)
    tip = repo.branch_tip(plan.target)
    if tip is not None and tip != plan.from_commit and repo.is_ancestor(plan.to_commit, tip):
        for checkout, move in journeys(plan, found, goal=tip):
            follow(checkout, move)


def journeys(
    plan: MergePlan, checkouts: Sequence[Checkout], *, goal: str | None = None
) -> list[Journey]:
    """How each of the checkouts is to move; in the main one the host's files stay as they are."""
    live = plan.host_files
    end = goal or plan.to_commit
    return [
        (it, Move(origin=plan.from_commit, goal=end, live=live if it.is_main else ()))
        for it in checkouts
    ]


def _entries(git: Git, contents: Mapping[str, bytes]) -> dict[str, Entry]:
    oids = write_blobs(git, list(contents.values())) if contents else []
    return {path: Entry(mode=REGULAR, oid=oid) for path, oid in zip(contents, oids, strict=True)}


def _with_host_files(head: Head, message: str) -> Head:
    tree = overlay(head.git, head.tree, head.ours) if head.ours else head.tree
    return head if tree == head.tree else head.joined(tree, message=noted(message, "record"))
