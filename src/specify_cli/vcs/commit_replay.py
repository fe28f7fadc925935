"""Replay the commits of a lane on top of a merge result, as `git rebase` does, in objects alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from specify_cli.vcs.errors import NotReplayed
from specify_cli.vcs.git import Git
from specify_cli.vcs.merge_result import MergeResult
from specify_cli.vcs.objects import read_objects, write_commit

MOST_COMMIT_BYTES: Final = 1024 * 1024
"""The largest commit that is replayed: it is held in memory. A usual one has a few hundred bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedCommit:
    """A commit to replay; `author` and `rest` are its bytes, in any encoding."""

    oid: str
    parents: tuple[str, ...]
    tree: str
    author: bytes
    rest: bytes


def commits_to_replay(git: Git, span: str, done: Sequence[str]) -> Iterator[PickedCommit]:
    """Yield the commits of `span` to replay, oldest first, without merges and those in `done`.

    Raises:
        NotReplayed: a commit is too large to be written anew, or has no author.
        GitFailed: git cannot read one.
    """
    flags = ("--no-merges", "--topo-order", "--reverse", "--cherry-pick", "--right-only")
    args = ("rev-list", *flags, span, *(f"^{commit}" for commit in done), "--")
    oids = git.run(*args).lines
    objects = read_objects(git, oids, max_bytes=MOST_COMMIT_BYTES)
    for oid, (size, content) in zip(oids, objects, strict=True):
        if content is None:
            raise NotReplayed(f"commit {oid} has {size} bytes, more than {MOST_COMMIT_BYTES}")
        yield _parse(oid, content)


def _parse(oid: str, content: bytes) -> PickedCommit:
    header, _, message = content.partition(b"\n\n")
    lines = header.split(b"\n")
    values = [line.partition(b" ") for line in lines]
    author = next((line for line in lines if line.startswith(b"author ")), None)
    if author is None:
        raise NotReplayed(f"commit {oid} has no author")
    encoding = b"".join(line + b"\n" for line in lines if line.startswith(b"encoding "))
    return PickedCommit(
        oid=oid,
        parents=tuple(value.decode() for name, _, value in values if name == b"parent"),
        tree=next(value.decode() for name, _, value in values if name == b"tree"),
        author=author,
        rest=encoding + b"\n" + message,
    )


def replay(head: MergeResult, picked: PickedCommit) -> MergeResult:
    """Return the result with the changes of the commit; author and message stay as they are.

    Raises:
        MergeConflict: the commit does not apply.
        GitFailed: git refused.
    """
    is_next = picked.parents == (head.commit,)
    if is_next and not (head.kept and head.kept.changed_in(head.git, picked.tree)):
        return replace(head, commit=picked.oid, tree=picked.tree)
    # A stand-in with our tree and the picked commit's parent makes that parent the merge base.
    stand_in = write_commit(head.git, tree=head.tree, parents=picked.parents, message="stand-in")
    flags = () if picked.parents else ("--allow-unrelated-histories",)
    merged = head.merged_with(stand_in, picked.oid, *flags)
    if merged.tree == head.tree:
        return merged
    return replace(merged, commit=_rewrite(head, picked, merged.tree))


def _rewrite(head: MergeResult, picked: PickedCommit, tree: str) -> str:
    # Not by `commit-tree`: this keeps the bytes of author and message in any encoding.
    committer = head.git.text("var", "GIT_COMMITTER_IDENT")
    lines = (
        f"tree {tree}\nparent {head.commit}\n".encode(),
        picked.author + b"\n",
        b"committer " + os.fsencode(committer) + b"\n",
        picked.rest,
    )
    done = head.git.run("hash-object", "-t", "commit", "-w", "--stdin", input=b"".join(lines))
    return os.fsdecode(done.stdout).strip()
