"""Keep commits by refs of the host, independent of any branch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from specify_cli.files import durability
from specify_cli.vcs import lock_ownership
from specify_cli.vcs.repository import Repository

PREFIX: Final = "refs/spec-kitty/"


def write_refs(
    repo: Repository, refs: Mapping[str, str], *, there: Mapping[str, str] | None = None
) -> None:
    """Point each ref, named without the prefix, at its commit; all of them or none.

    The caller holds the lock of the repository. `there` is what `read_refs` has found under it.

    Raises:
        GitFailed: git refused, or a commit is not there.
    """
    there = read_refs(repo, refs) if there is None else there
    moves = {PREFIX + name: oid for name, oid in refs.items() if there.get(name) != oid}
    if not moves:
        return
    # After a power loss no ref may point at a commit that was lost.
    durability.sync_all()
    for ref, commit in moves.items():
        lock_ownership.note_ref(ref, commit)
    orders = (f"update {ref} {oid}\n" for ref, oid in moves.items())
    repo.git.run("update-ref", "--stdin", input="".join(orders).encode())


def read_ref(repo: Repository, name: str) -> str | None:
    """Return the commit of the ref, named without the prefix; None where it is missing.

    Raises:
        GitFailed: git cannot read it.
    """
    return _refs(repo, PREFIX + name).get(PREFIX + name)


def read_refs(repo: Repository, names: Iterable[str]) -> dict[str, str]:
    """Return the commits of those refs that exist, by their names without the prefix.

    Raises:
        GitFailed: git cannot read them.
    """
    wanted = [PREFIX + name for name in names]
    found = _refs(repo, *wanted) if wanted else {}
    return {ref.removeprefix(PREFIX): commit for ref, commit in found.items()}


def _refs(repo: Repository, *refs: str) -> dict[str, str]:
    lines = repo.git.run("for-each-ref", "--format=%(objectname) %(refname)", *refs).lines
    found = {ref: oid for oid, _, ref in (line.partition(" ") for line in lines)}
    # Git also lists the refs below each of them.
    return {ref: found[ref] for ref in refs if ref in found}
