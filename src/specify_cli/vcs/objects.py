"""Read and write trees, blobs and commits; no ref moves."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from specify_cli.vcs.git import Git, GitFailed

REGULAR: Final = "100644"

_SIZES: Final = ("cat-file", "--batch-check=%(objectsize)")
_CONTENTS: Final = ("cat-file", "--batch")
_PORTION_BYTES: Final = 16 * 1024 * 1024
# Source: git, object-file.c, empty_tree_oid.
_EMPTY_TREES: Final = {
    40: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    64: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file in a tree or an index."""

    mode: str
    oid: str


Change = tuple[Entry | None, Entry | None]
"""The entry of a path before and after; None where there is no file."""


def changes(git: Git, *diff: str) -> dict[str, Change]:
    """Run a raw diff command and return its changes by path.

    Raises:
        GitFailed: as `Git.run` does.
    """
    # A nested repository is a change like any other, whatever .gitmodules or a setting says.
    flags = ("--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules=none")
    fields = git.run(*diff, *flags).fields
    return {path: _change(head) for head, path in zip(fields[::2], fields[1::2], strict=True)}


def tree_changes(git: Git, a: str, b: str) -> dict[str, Change]:
    """Return the differences between two commits by path.

    Raises:
        GitFailed: one of them is not a commit.
    """
    return changes(git, "diff-tree", "-r", a, b)


def _change(head: str) -> Change:
    old_mode, new_mode, old, new, _ = head.removeprefix(":").split(" ")
    return _entry(old_mode, old), _entry(new_mode, new)


def _entry(mode: str, oid: str) -> Entry | None:
    return Entry(mode=mode, oid=oid) if mode.strip("0") else None


def tree_of(git: Git, commit: str) -> str:
    """Return the tree of a commit.

    Raises:
        GitFailed: it is not a commit.
    """
    return git.text("rev-parse", "--verify", f"{commit}^{{tree}}")


def empty_tree(like: str) -> str:
    """Return the id of the empty tree, which git knows without storing it.

    `like` is the id of any object of the repository: those of sha256 are longer.
    """
    return _EMPTY_TREES[len(like)]


def read_objects(
    git: Git, oids: Sequence[str], *, max_bytes: int
) -> Iterator[tuple[int, bytes | None]]:
    """Yield the size and content of each object, in order; None as the content of a larger one.

    Many or large ones are read in portions, so that memory does not grow with their number.

    Raises:
        GitFailed: one of them is missing, or git cannot read it.
    """
    if not oids:
        return
    listed = "".join(f"{oid}\n" for oid in oids).encode()
    # In most cases they are few and small, and a process less is what takes time.
    answer = git.run(*_CONTENTS, input=listed, enough=_PORTION_BYTES).stdout
    if len(answer) <= _PORTION_BYTES:
        for content in _split(answer, len(oids)):
            yield len(content), content if len(content) <= max_bytes else None
        return
    del answer
    sizes = [_size(it, said=it) for it in git.run(*_SIZES, input=listed).lines]
    start = 0
    while start < len(oids):
        end, total = start, 0
        while end < len(oids) and (end == start or total + sizes[end] <= _PORTION_BYTES):
            total += sizes[end] if sizes[end] <= max_bytes else 0
            end += 1
        part = range(start, end)
        contents = _contents(git, [oids[at] for at in part if sizes[at] <= max_bytes])
        for at in part:
            yield sizes[at], next(contents) if sizes[at] <= max_bytes else None
        start = end


def _contents(git: Git, oids: Sequence[str]) -> Iterator[bytes]:
    listed = "".join(f"{oid}\n" for oid in oids).encode()
    answer = git.run(*_CONTENTS, input=listed).stdout if oids else b""
    return _split(answer, len(oids))


def _split(answer: bytes, count: int) -> Iterator[bytes]:
    start = 0
    for _ in range(count):
        end = answer.index(b"\n", start)
        header = os.fsdecode(answer[start:end])
        size = _size(header.rpartition(" ")[2], said=header)
        start = end + 1 + size + 1
        yield answer[end + 1 : start - 1]


def _size(text: str, *, said: str) -> int:
    """Return the size; git says so in its place if an object is missing."""
    if not text.isdecimal():
        raise GitFailed(("cat-file",), returncode=-1, stderr=said)
    return int(text)


def write_commit(git: Git, *, tree: str, parents: Sequence[str], message: str) -> str:
    """Write a commit object; no branch points at it.

    Raises:
        GitFailed: the disk refused.
    """
    flags = [flag for parent in parents for flag in ("-p", parent)]
    done = git.run("commit-tree", *flags, tree, input=message.encode("utf-8", "replace") + b"\n")
    return os.fsdecode(done.stdout).strip()


def merge_trees(git: Git, a: str, b: str, *flags: str) -> tuple[str, tuple[str, ...]]:
    """Return the tree of merging `b` into `a`, and the paths in conflict, marked in that tree.

    Raises:
        GitFailed: no common history, or damage.
    """
    args = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", *flags, a, b)
    done = git.run(*args, check=False)
    if done.returncode not in (0, 1) or not done.fields:
        raise GitFailed(args, returncode=done.returncode, stderr=done.stderr)
    tree, *paths = done.fields
    return tree, tuple(dict.fromkeys(path for path in paths if path))


def write_blobs(git: Git, contents: Sequence[bytes]) -> list[str]:
    """Write one blob for each content, byte for byte.

    Raises:
        GitFailed: the disk refused.
    """
    with tempfile.TemporaryDirectory(prefix="spec-kitty-") as folder:
        files = [Path(folder, str(number)) for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        names = "".join(f"{file}\n" for file in files)
        args = ("hash-object", "-w", "--no-filters", "--stdin-paths")
        return git.run(*args, input=os.fsencode(names)).lines


def overlay(git: Git, base: str | None, entries: Mapping[str, Entry | None]) -> str:
    """Write the tree of `base` (None: empty) with exactly these entries at these paths.

    Raises:
        GitFailed: the disk refused.
    """
    with scratch_index() as env:
        if base is not None:
            git.run("read-tree", base, env=env)
        git.run(
            "update-index",
            "-z",
            "--index-info",
            input=index_info(entries, like=base or ""),
            env=env,
        )
        return os.fsdecode(git.run("write-tree", env=env).stdout).strip()


@contextmanager
def scratch_index() -> Iterator[dict[str, str]]:
    """Yield the environment in which git uses a temporary index."""
    with tempfile.TemporaryDirectory(prefix="spec-kitty-") as folder:
        yield {"GIT_INDEX_FILE": str(Path(folder, "index"))}


def index_info(entries: Mapping[str, Entry | None], *, like: str) -> bytes:
    """Return the input of `update-index -z --index-info` for exactly these entries.

    `like` is the id of any object of the repository: those of sha256 are longer.
    """
    # Removals first, so that a file may take the place of a folder.
    ordered = sorted(entries.items(), key=lambda item: item[1] is not None)
    lines: list[bytes] = []
    for path, entry in ordered:
        head = f"{entry.mode} {entry.oid}" if entry else f"0 {'0' * len(like)}"
        lines.append(head.encode() + b"\t" + os.fsencode(path) + b"\0")
    return b"".join(lines)
