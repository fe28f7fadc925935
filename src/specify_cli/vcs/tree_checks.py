"""Check the trees that an agent's commits would bring into a branch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from specify_cli.core.merge_paths import FOLDER, name_fault
from specify_cli.vcs.git import Git, time_limit
from specify_cli.vcs.objects import Change, merge_trees, read_objects, tree_changes

MOST_TREE_BYTES: Final = 64 * 1024 * 1024
"""A folder of a million files with names of 40 bytes."""

MOST_FAULTS: Final = 1000
"""The most faults that are searched for; a message names a few."""

_TREES_AT_ONCE: Final = 2000
_ENTRIES_AT_ONCE: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFault:
    """A tree entry that is unsafe on some file system; `commit` has it."""

    path: str
    commit: str
    problem: str


def net_changes(git: Git, tip: str, *, onto: str) -> tuple[str, dict[str, Change]]:
    """Merge `tip` into `onto`, conflicts included; return the tree and its differences from `onto`.

    Content that both have is not a change, whichever way it came into `tip`.

    Raises:
        GitFailed: one of them is not a commit, or git cannot read its trees.
    """
    tree, _ = merge_trees(git, onto, tip, "--allow-unrelated-histories")
    return tree, tree_changes(git, onto, tree)


def tree_faults(git: Git, tips: Sequence[str], *, beside: str) -> list[TreeFault]:
    """Return the faulty entries of all trees in the history of `tips` but not of `beside`.

    Every commit counts, not only the tips: git refuses to check such a tree out, to push it, or to
    clone it, however deep in the history it is. A fault that existed before is not blamed on a
    commit that changed another entry of its folder. The search ends at `MOST_FAULTS`.

    Raises:
        GitFailed: git cannot read the trees.
        TimeoutError: there are too many entries to check in time.
    """
    known: set[tuple[str, str]] | None = None
    found: list[TreeFault] = []
    for fault in _faults(git, *tips, f"^{beside}"):
        if known is None:
            known = _old(git, tips, beside)
        if (fault.path, fault.problem) not in known:
            found.append(fault)
        if len(found) == MOST_FAULTS:
            break
    return found


def _old(git: Git, tips: Sequence[str], beside: str) -> set[tuple[str, str]]:
    """Return the faults of `beside` and of the commits where the tips left it."""
    ends = git.run("rev-list", "--boundary", *tips, f"^{beside}", "--").lines
    boundary = [line[1:] for line in ends if line.startswith("-")]
    return {(it.path, it.problem) for it in _faults(git, "--no-walk", beside, *boundary)}


def commit_with(git: Git, path: str, *, tips: Sequence[str], beside: str) -> str:
    """Return the newest commit of `tips`, and not of `beside`, that changed `path`; else the first tip."""
    args = ("rev-list", "--max-count=1", *tips, f"^{beside}", "--", path)
    found = git.run(*args, check=False).lines
    return found[0] if found else tips[0]


def fork_points(git: Git, tips: Sequence[str], *, onto: str) -> list[str]:
    """Return the commits at which `tips` left the history of `onto`, each once.

    Raises:
        GitFailed: one of them is not a commit.
    """
    found = (git.run("merge-base", onto, tip, check=False).lines for tip in tips)
    return list(dict.fromkeys(line for lines in found for line in lines))


def paths_in(git: Git, tree: str) -> list[str]:
    """Return the path of every file of a tree.

    Raises:
        GitFailed: it is not a tree.
    """
    return git.run("ls-tree", "-r", "-z", "--full-tree", "--name-only", tree).fields


def entries(tree: bytes, *, width: int) -> Iterator[tuple[str, bytes, str]]:
    """Yield the mode, name and object of each entry; an object id has `width` bytes.

    Raises:
        TimeoutError: there are too many entries to check in time.
    """
    start = looked_at = 0
    while start < len(tree):
        looked_at += 1
        if looked_at % _ENTRIES_AT_ONCE == 0 and time_limit() <= 0:
            raise TimeoutError("checking the names in its folders took too long")
        end = tree.index(b"\0", start)
        mode, _, name = tree[start:end].partition(b" ")
        start = end + 1 + width
        yield os.fsdecode(mode), name, tree[end + 1 : start].hex()


def _faults(git: Git, *revisions: str) -> Iterator[TreeFault]:
    trees = list(_trees(git, revisions))
    for start in range(0, len(trees), _TREES_AT_ONCE):
        part = trees[start : start + _TREES_AT_ONCE]
        objects = read_objects(git, [oid for oid, _, _ in part], max_bytes=MOST_TREE_BYTES)
        for (oid, folder, commit), (size, content) in zip(part, objects, strict=True):
            if content is None:
                problem = f"the tree has {size} bytes, more than {MOST_TREE_BYTES}"
                yield TreeFault(path=folder or ".", commit=commit, problem=problem)
                continue
            for name, problem in _problems(content, width=len(oid) // 2):
                yield TreeFault(path=f"{folder}{name}", commit=commit, problem=problem)


def _trees(git: Git, revisions: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield each tree once: its id, its folder, and the first commit that has it."""
    flags = ("--objects", "--in-commit-order", "--filter=blob:none")
    commit = ""
    for line in git.run("rev-list", *flags, *revisions, "--").lines:
        oid, space, path = line.partition(" ")
        if space:
            yield oid, f"{path}/" if path else "", commit
        else:
            commit = oid


def _problems(tree: bytes, *, width: int) -> Iterator[tuple[str, str]]:
    """Yield the names of faulty entries, and why they are faulty."""
    seen: set[bytes] = set()
    last = b""
    for mode, name, _ in entries(tree, width=width):
        problem = name_fault(os.fsdecode(name), mode)
        # Source: git, tree.c, base_name_compare: a folder is sorted as if its name ended in a slash.
        key = name + b"/" if mode == FOLDER else name
        if name in seen:
            problem = "the tree has two entries of that name"
        elif key < last:
            problem = problem or "the tree is not in git's order"
        seen.add(name)
        last = key
        if problem:
            yield os.fsdecode(name), problem
