"""Makes, reuses and removes the worktree of an execution lane."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from specify_cli.vcs import durable, lane_bases, marks, plain_files
from specify_cli.vcs.branch_moves import TargetMoved, travel
from specify_cli.vcs.checkouts import (
    HEADS,
    Checkout,
    branch_at_work,
    branch_in,
    git_dir_of,
    on_worktrees,
    registration_of,
)
from specify_cli.vcs.git import Git, GitFailed, time_limit
from specify_cli.vcs.lane_bases import Parts
from specify_cli.vcs.moves import GITLINK, CheckoutBlocked, Move, hidden_edits
from specify_cli.vcs.objects import MergeConflict
from specify_cli.vcs.placement import (
    AllocationFailed,
    Place,
    discard,
    ignore_folder,
    is_being_filled,
    make,
    registration,
    standing,
    trash_of,
)
from specify_cli.vcs.repository import Repository

__all__ = [
    "AllocationFailed",
    "LaneBranches",
    "LaneWorkspace",
    "Parts",
    "allocate",
    "exists",
    "has_uncommitted_work",
    "remains",
    "remove",
    "uncommitted_files",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWorkspace:
    """Where a lane's work happens; all beyond the commit `base_ref` is the package's own work."""

    path: Path
    branch: str
    base_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneBranches:
    """The names of the branches that an allocation is about.

    `origin` is where execution lanes start, where that is known; the mission's branch else. `leave` is told what the lane's branch has before it is pointed elsewhere, to keep that.
    """

    lane: str
    mission: str
    target: str
    origin: str | None = None
    leave: Callable[[str], None] = lambda commit: None


def allocate(
    repo: Repository, *, path: Path, branches: LaneBranches, parts: Parts
) -> LaneWorkspace:
    """The lane has its branch, with all `parts` in it, out in a worktree at `path`.

    Missing branches are made: the mission's from the target, the lane's from the mission's. A
    worktree that stands elsewhere than it should is removed, where it is clean, and made again. To
    repeat it changes nothing, and completes what a crash cut off.

    Raises:
        AllocationFailed: no commit or target to start from, something else at `path`, a conflict,
            or uncommitted changes. No worktree and no branch is left of it.
    """
    place = Place(path=path.absolute(), branch=branches.lane)
    try:
        tips = repo.lane_tips([branches.lane, branches.mission])
        target = repo.branch_tip(branches.target)
        if target is None:
            raise AllocationFailed(_without_target(repo, branches.target))
        tips.setdefault(branches.mission, target)
        return _allocate(repo, place=place, branches=branches, tips=tips, parts=parts)
    except MergeConflict as error:
        text = f"{branches.lane}: merging its dependencies conflicts in {error}"
        raise AllocationFailed(text, code="conflict", files=error.paths) from None
    except CheckoutBlocked as error:
        text = f"commit or undo first: {error}"
        raise AllocationFailed(text, code="uncommitted_changes") from None
    except (GitFailed, OSError, TargetMoved) as error:
        raise AllocationFailed(str(error)) from error


def has_uncommitted_work(repo: Repository, path: Path) -> bool:
    """Whether something would be lost with this worktree.

    Changes, also those that the index hides, untracked files, a detached HEAD, a merge or the like in progress; what is ignored is
    no work, nor is what is uncommitted in a repository inside: to look there would run git by
    settings that came with the work. A folder that is no worktree is work as soon as it holds anything.

    Raises:
        GitFailed: git did not end in time, or would wait for a file for ever.
    """
    here = _checkout(repo, path)
    if here.git_dir is None:
        return os.path.lexists(path) and not _is_empty_folder(path)
    if here.branch is None or here.operation():
        return True
    here.require_no_endless_file()
    args = (
        "status",
        "--porcelain=v2",
        "-z",
        "--untracked-files=normal",
        "--ignore-submodules=dirty",
    )
    done = here.git.run(*args, check=False)
    return bool(done.returncode or done.stdout or hidden_edits(here))


def uncommitted_files(repo: Repository, path: Path) -> list[str]:
    """The files, not ignored, that differ from the commit that the worktree at `path` stands on.

    Raises:
        GitFailed: git did not end in time, or would wait for a file for ever.
    """
    here = _checkout(repo, path)
    if here.git_dir is None:
        return []
    here.require_no_endless_file()
    changed = here.git.run("diff", "--name-only", "-z", "--ignore-submodules=dirty", "HEAD").fields
    untracked = here.git.run("ls-files", "--others", "--exclude-standard", "-z").fields
    return sorted({*changed, *untracked, *hidden_edits(here)})


def remove(repo: Repository, path: Path) -> bool:
    """Whether the worktree is gone; one with uncommitted work, submodules or a lock stays.

    Raises:
        GitFailed, OSError: git or the disk refused; to be tried again, until then it may be half gone.
    """
    place = Place(path=path.absolute(), branch="")
    trash = trash_of(path)
    found = registration(repo.git, place)
    if any(plain_files.endless(path, seconds=time_limit())) or has_uncommitted_work(repo, path):
        return False
    if found is not None and _is_kept(found):
        return False
    if found is not None and path.is_dir():
        # At once, because one that was half removed would look like work that was undone.
        discard(trash)
        path.rename(trash)
        # Not one file may be gone after a power loss while the folder still has its name.
        durable.sync_folder(path.parent)
    if found is not None:
        # Its folder is gone: git only forgets it.
        on_worktrees(repo.git, "remove", str(place.path))
    discard(trash)
    if _is_empty_folder(path) and not path.is_symlink():
        path.rmdir()
    return not os.path.lexists(path)


def remains(repo: Repository, path: Path) -> bool:
    """Whether there is a worktree at `path`, or what a removal that was cut off has left of it.

    Raises:
        GitFailed: git will not work in the repository.
    """
    if path.exists() or trash_of(path).exists():
        return True
    return registration(repo.git, Place(path=path.absolute(), branch="")) is not None


def _is_kept(checkout: Checkout) -> bool:
    git_dir = checkout.git_dir
    if checkout.lock_reason is not None or git_dir is None:
        return checkout.lock_reason is not None
    return (git_dir / "modules").exists() or _holds_repository(checkout)


def _holds_repository(checkout: Checkout) -> bool:
    """Whether a repository that the work names lies inside: nobody has looked for work in that."""
    staged = (field.split("\t", 1) for field in checkout.git.run("ls-files", "-s", "-z").fields)
    inner = (path for head, path in staged if head.startswith(GITLINK + " "))
    return any(os.path.lexists(checkout.path / path / ".git") for path in inner)


def exists(repo: Repository, path: Path, branch: str) -> bool:
    """Whether the worktree stands at `path`, complete and on its branch. Runs no git."""
    git_dir = registration_of(path, common=git_dir_of(repo.root))
    if git_dir is None or is_being_filled(git_dir):
        return False
    return branch in (branch_out(repo, path), branch_at_work(git_dir))


def branch_out(repo: Repository, path: Path) -> str | None:
    """The branch that HEAD of the worktree at `path` names; None when detached or no worktree."""
    git_dir = registration_of(path, common=git_dir_of(repo.root))
    return branch_in(git_dir) if git_dir else None


def _checkout(repo: Repository, path: Path) -> Checkout:
    return Checkout(path=path, branch=branch_out(repo, path), common=git_dir_of(repo.root))


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _without_target(repo: Repository, target: str) -> str:
    if repo.has_commits():
        return f"there is no branch {target}"
    return "the repository has no commit yet: make a first one"


def _allocate(
    repo: Repository, *, place: Place, branches: LaneBranches, tips: dict[str, str], parts: Parts
) -> LaneWorkspace:
    git, tip = repo.git, tips.get(branches.lane)
    out = standing(git, place)
    if out is not None and tip is None:
        raise AllocationFailed(f"{place.path} stands on a branch without a commit")
    origin = branches.origin or tips[branches.mission]
    start = lane_bases.compute(git, parts, branch=branches.lane, tip=tip, origin=origin)
    if out is not None and start.tip != tip and parts.goes_on:
        move = Move(origin=tip or "", goal=start.tip)
        travel(git, branches.lane, move=move, journeys=[(out, move)])
    elif out is None or start.tip != tip:
        if tip is not None and start.tip != tip:
            _put_away(repo, place.path)
            branches.leave(tip)
        with _branches_made(repo, branches, start.tip):
            ignore_folder(place.path.parent)
            make(git, place)
    return LaneWorkspace(path=place.path, branch=branches.lane, base_ref=start.base)


def _put_away(repo: Repository, path: Path) -> None:
    """No worktree stands at `path`, and no work was lost with it."""
    if not os.path.lexists(path):
        return
    files = uncommitted_files(repo, path)
    if files:
        named = ", ".join(files[:10]) + (" and more" if len(files) > 10 else "")
        text = f"it holds uncommitted work of another package: commit or discard {named}"
        raise AllocationFailed(text, code="uncommitted_work", files=files[:100])
    if not remove(repo, path):
        text = "a rebase, a lock or a repository inside keeps it from being made again: finish that"
        raise AllocationFailed(text, code="uncommitted_work")


@contextmanager
def _branches_made(repo: Repository, branches: LaneBranches, tip: str) -> Iterator[None]:
    """The branches of the mission and of the lane are there; as they were, when the block fails."""
    git = repo.git
    tips = repo.lane_tips([branches.lane, branches.mission])
    base = tips.get(branches.mission) or repo.branch_tip(branches.target)
    ends = ((branches.mission, base), (branches.lane, tip))
    moves = [(name, tips.get(name), new) for name, new in ends if tips.get(name) != new]
    if moves:
        # No branch may outlive a power loss that the commits it points at do not.
        durable.sync()
    _update(git, moves)
    try:
        yield
    except (GitFailed, OSError):
        with suppress(GitFailed):
            _update(git, [(name, new, old) for name, old, new in moves])
        raise


def _update(git: Git, moves: Sequence[tuple[str, str | None, str | None]]) -> None:
    """Each branch goes from one commit to another; None is a branch that is not there."""
    orders = "".join(_order(HEADS + name, old, new) for name, old, new in moves)
    for name, old, new in moves:
        marks.note_ref(HEADS + name, new or old or "")
    if orders:
        git.run("update-ref", "--stdin", input=orders.encode())


def _order(ref: str, old: str | None, new: str | None) -> str:
    if old is None:
        return f"create {ref} {new}\n"
    return f"update {ref} {new} {old}\n" if new else f"delete {ref} {old}\n"
