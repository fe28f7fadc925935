"""Pin the objects that workspaces share, so that git does not collect them."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from specify_cli.files import durability
from specify_cli.vcs import lock_ownership, private_folders, trash
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.worktrees_folder import MAKING, TRASH

PINS: Final = "refs/spec-kitty/pin/"
REMOVAL_S: Final = 10.0


def add(git: Git, path: Path, commits: Iterable[str]) -> list[str]:
    """Pin each commit by a ref below that of the workspace; return the new refs.

    Pins of removed workspaces are deleted.

    Raises:
        GitFailed: one of them is not a commit, or git refused.
        OSError: the disk refused.
    """
    wanted = {f"{PINS}{path.name}/{commit}": commit for commit in commits}
    known = set(_refs(git))
    new = [ref for ref in wanted if ref not in known]
    for ref in new:
        lock_ownership.note_ref(ref, wanted[ref])
    if new:
        # After a power loss no ref may point at a lost commit, and no lock may be without its
        # marker.
        durability.sync_all()
    orders = [f"update {ref} {wanted[ref]}\n" for ref in new]
    orders += [f"delete {ref}\n" for ref in _gone(known, path.parent)]
    if orders:
        try:
            git.run("update-ref", "--stdin", input="".join(orders).encode())
        except BaseException:
            remove(git, new)  # Git may have been stopped after it had updated the refs.
            raise
    return new


def remove(git: Git, refs: Iterable[str]) -> None:
    """Remove these refs as far as git allows: one that stays costs nothing but space."""
    orders = "".join(f"delete {ref}\n" for ref in refs)
    if orders:
        with suppress(GitFailed):
            # With a time limit of its own: the failed operation may have used up the caller's.
            git.run("update-ref", "--stdin", input=orders.encode(), timeout_s=REMOVAL_S)


def prune(git: Git, worktrees: Path) -> list[str]:
    """Remove the pins of workspaces that are neither in place nor in the trash.

    Raises:
        GitFailed, OSError: git or the disk refused.
    """
    gone = _gone(_refs(git), worktrees)
    remove(git, gone)
    return gone


def _gone(refs: Iterable[str], worktrees: Path) -> list[str]:
    """Return the pins without a workspace, by name alone: a copied project has other folders of the same names."""
    kept = {it.name for it in worktrees.iterdir()}
    kept |= {*trash.names_in(worktrees / TRASH), *private_folders.names_in(worktrees / MAKING)}
    return [ref for ref in refs if ref.removeprefix(PINS).rpartition("/")[0] not in kept]


def _refs(git: Git) -> list[str]:
    return git.run("for-each-ref", "--format=%(refname)", PINS).lines
