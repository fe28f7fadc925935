"""Compute the commit that work in an execution lane starts from, in objects alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from specify_cli.vcs.errors import MergeConflict
from specify_cli.vcs.git import Git
from specify_cli.vcs.merge_result import MergeResult
from specify_cli.vcs.objects import tree_of

APPROVED: Final = "what is approved"
"""How a merge message names the approved work that a package continues from."""

Named = Mapping[str, str]
"""Commits by the names that the message of a merge gives them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartParts:
    """The commits that a package starts from.

    Attributes:
        goes_on: whether the branch continues as it is, since only this package has worked there.
        finished: approved work of the same execution lane.
        merge_in: approved work of others that the package depends on.
        own: what the package itself had before it was set aside.
    """

    goes_on: bool = False
    finished: Named = field(default_factory=dict)
    merge_in: Named = field(default_factory=dict)
    own: Named = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The tip for the branch, and the base beyond which every commit is the package's own."""

    tip: str
    base: str


def compute(git: Git, parts: StartParts, *, branch: str, tip: str | None, origin: str) -> Start:
    """Compute where work on `branch`, now at `tip`, starts; every lane starts at `origin`.

    Raises:
        MergeConflict: the parts conflict.
        GitFailed: a commit is not there.
    """
    git = git.with_identity()
    if parts.goes_on and tip is not None:
        gone_on = _joined(git, tip, {**parts.finished, **parts.merge_in}, branch=branch)
        return Start(tip=gone_on, base=gone_on)
    stem = next(iter(_missing(git, origin, parts.finished).values()), origin)
    base = _joined(git, stem, {**parts.finished, **parts.merge_in}, branch=branch)
    wanted = base
    for own in _missing(git, base, parts.own).values():
        # The package's own commits stay the first parents; the rest is merged into them.
        wanted = _joined(git, own, {APPROVED: wanted}, branch=branch)
    known = [origin, *parts.finished.values(), *parts.merge_in.values(), *parts.own.values()]
    if tip is not None and _is_like(git, tip, wanted, known=known):
        return Start(tip=tip, base=tip if wanted == base else base)
    return Start(tip=wanted, base=base)


def _is_like(git: Git, tip: str, wanted: str, *, known: Iterable[str]) -> bool:
    """Return whether `tip` contains `wanted`, has its files, and only merges beyond `known`."""
    if tip == wanted:
        return True
    if tree_of(git, tip) != tree_of(git, wanted):
        return False
    beyond = ("--no-merges", "--max-count=1", tip, *(f"^{commit}" for commit in known))
    if git.run("rev-list", *beyond, "--").lines:
        return False
    return not _missing(git, tip, {commit: commit for commit in known})


def _joined(git: Git, base: str, named: Named, *, branch: str) -> str:
    missing = _missing(git, base, named)
    if not missing:
        return base
    head = MergeResult.at(git, base, {})
    for name, commit in missing.items():
        merged, conflicts = head.marked_with(head.commit, commit)
        if conflicts:
            raise MergeConflict(conflicts, brought=name, ours=head.commit, theirs=commit)
        head = merged.joined(merged.tree, commit, message=f"Merge {name} into {branch}")
    return head.commit


def _missing(git: Git, base: str, named: Named) -> dict[str, str]:
    """Return the commits that neither `base` nor another of them contains, each once."""
    if not named:
        return {}
    tops = set(git.run("merge-base", "--independent", base, *named.values()).lines) - {base}
    found: dict[str, str] = {}
    for name, commit in named.items():
        if commit in tops and commit not in found.values():
            found[name] = commit
    return found
