"""Move the branches of a mission and of its execution lanes; only the host moves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from specify_cli.files import durability
from specify_cli.vcs import host_refs, lane_bases, lock_ownership
from specify_cli.vcs.branch_updates import recover_all, update_branch
from specify_cli.vcs.checkout_updates import CheckoutUpdate
from specify_cli.vcs.checkouts import HEADS, checkouts_of
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.lane_bases import Start, StartParts
from specify_cli.vcs.repository import Repository

_PLACED: Final = "placed"
_PLACED_BEFORE: Final = "placed-before"
_MOVED: Final = "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneBranches:
    """The branches of an execution lane, and where it starts.

    `origin` is the commit where execution lanes start; None: the mission's branch.
    """

    lane: str
    mission: str
    target: str
    origin: str | None = None
    tips: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, repo: Repository, *, lane: str, mission: str, target: str, origin: str | None
    ) -> LaneBranches:
        """Read the branches; a mission branch that does not exist yet counts as being at the target.

        Raises:
            AllocationFailed: the target branch does not exist.
            GitFailed: one of them is damaged.
        """
        tips = repo.lane_tips([lane, mission])
        commit = repo.branch_tip(target)
        if commit is None:
            has_commits = repo.has_commits()
            without = "the repository has no commit yet; make a first commit"
            raise AllocationFailed(
                f"the target branch {target} does not exist; create it" if has_commits else without
            )
        tips[target] = commit
        return cls(lane=lane, mission=mission, target=target, origin=origin, tips=tips)

    @property
    def tip(self) -> str | None:
        """The commit of the execution lane's branch; None where there is none yet."""
        return self.tips.get(self.lane)

    @property
    def others(self) -> dict[str, str]:
        """The commits of the target branch and of the mission branch, by name."""
        target = self.tips[self.target]
        return {self.target: target, self.mission: self.tips.get(self.mission, target)}

    def start(self, repo: Repository, parts: StartParts) -> Start:
        """Compute where work in the execution lane starts.

        Raises:
            MergeConflict: the parts conflict.
            GitFailed: a commit is not there.
        """
        origin = self.origin or self.others[self.mission]
        return lane_bases.compute(repo.git, parts, branch=self.lane, tip=self.tip, origin=origin)


@contextmanager
def lane_pointed(
    repo: Repository, branches: LaneBranches, tip: str, *, leave: Callable[[str], None]
) -> Iterator[None]:
    """Create the mission's branch and point the lane's at `tip`; undo both where the block fails.

    `leave` is called with the lane's former tip before the branch moves, to keep that commit.

    Raises:
        AllocationFailed: the branch is checked out somewhere, where uncommitted changes are in the way.
        GitFailed: git refused.
    """
    old = branches.tip
    if old is not None and old != tip:
        leave(old)
    ends = {branches.mission: branches.others[branches.mission], branches.lane: tip}
    new = {name: commit for name, commit in ends.items() if name not in branches.tips}
    if new or old != tip:
        # No branch may outlive a power loss that the commits it points at do not.
        durability.sync_all()
    _note_positions(repo, branches.lane, old=old, new=tip)
    _create(repo, new)
    try:
        if old is not None and old != tip:
            advance(repo, branches.lane, old=old, new=tip)
        yield
    except BaseException:
        with suppress(GitFailed):
            if old is not None and old != tip:
                advance_as_host(repo, branches.lane, old=tip, new=old)
            _delete(repo, new)
        raise


def remove(repo: Repository, branches: Mapping[str, str]) -> None:
    """Remove branches that are at these commits, and the refs that record their positions.

    Raises:
        GitFailed: one has moved, or git refused; then none is removed.
    """
    orders = "".join(f"delete {HEADS}{name} {commit}\n" for name, commit in branches.items())
    if orders:
        repo.git.run("update-ref", "--no-deref", "--stdin", input=orders.encode())
    placed = (
        f"{host_refs.PREFIX}{it}/{name}" for name in branches for it in (_PLACED, _PLACED_BEFORE)
    )
    orders = "".join(f"delete {ref}\n" for ref in placed)
    if orders:
        repo.git.run("update-ref", "--no-deref", "--stdin", input=orders.encode())


def host_positions(repo: Repository, branch: str) -> Set[str]:
    """Return the last two commits that the host pointed the branch at.

    Raises:
        GitFailed: git refused.
    """
    names = (f"{name}/{branch}" for name in (_PLACED, _PLACED_BEFORE))
    return {*host_refs.read_refs(repo, names).values()}


def foreign_position(repo: Repository, branch: str) -> str | None:
    """Return the commit at which the host last found the branch moved by somebody else; None for never.

    Raises:
        GitFailed: git refused.
    """
    return host_refs.read_ref(repo, f"{_MOVED}/{branch}")


def advance_as_host(repo: Repository, branch: str, *, old: str | None, new: str) -> None:
    """Advance the branch and record that the host did so.

    Raises:
        CheckoutBlocked, TargetMoved, GitFailed: as `advance` does.
    """
    _note_positions(repo, branch, old=old, new=new)
    advance(repo, branch, old=old, new=new)


def advance(repo: Repository, branch: str, *, old: str | None, new: str) -> None:
    """Move the branch, and every working tree that has it checked out, from one commit to another.

    Where `old` is None, the branch is created and may not exist.

    Raises:
        CheckoutBlocked: uncommitted changes are in the way; nothing has moved.
        TargetMoved: the branch is not at `old` any more.
        GitFailed: git refused.
    """
    if old is None:
        _create(repo, {branch: new})
        return
    found = checkouts_of(repo.git, branch)
    recover_all(repo.git, branch, found)
    update = CheckoutUpdate(origin=old, goal=new)
    plans = [(it, update) for it in found]
    update_branch(repo.git, branch, update=update, plans=plans)


def _note_positions(repo: Repository, branch: str, *, old: str | None, new: str) -> None:
    # Both refs are written before the branch moves: a killed host leaves the branch at one of them.
    # And one after the other: git updates several refs in an order of its own.
    placed, before, moved = (f"{it}/{branch}" for it in (_PLACED, _PLACED_BEFORE, _MOVED))
    there = host_refs.read_refs(repo, (placed, before, moved))
    known = {there[name] for name in (placed, before) if name in there}
    refs = {before: old} if old and old != new else {}
    if old and known and old not in known:
        refs[moved] = old
    host_refs.write_refs(repo, refs, there=there)
    host_refs.write_refs(repo, {placed: new}, there=there)


def _create(repo: Repository, branches: Mapping[str, str]) -> None:
    """Create the branches, all or none; none of them may exist."""
    refs = {HEADS + name: commit for name, commit in branches.items()}
    _update(repo.git, refs, "".join(f"create {ref} {commit}\n" for ref, commit in refs.items()))


def _delete(repo: Repository, branches: Mapping[str, str]) -> None:
    """Delete branches that were just created, and the refs that record their positions."""
    prefixes = (HEADS, f"{host_refs.PREFIX}{_PLACED}/", f"{host_refs.PREFIX}{_PLACED_BEFORE}/")
    refs = {f"{it}{name}": commit for name, commit in branches.items() for it in prefixes}
    _update(repo.git, refs, "".join(f"delete {ref}\n" for ref in refs))


def _update(git: Git, refs: Mapping[str, str], orders: str) -> None:
    for ref, commit in refs.items():
        lock_ownership.note_ref(ref, commit)
    if orders:
        git.run("update-ref", "--no-deref", "--stdin", input=orders.encode())
