"""Limit how much the commits of an agent bring, and find names that collide on some file systems."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from specify_cli.core.merge_paths import FOLDER, folded
from specify_cli.vcs.errors import LimitExceeded
from specify_cli.vcs.git import Git
from specify_cli.vcs.objects import read_objects
from specify_cli.vcs.tree_checks import MOST_TREE_BYTES, TreeFault, entries

MOST_OBJECTS: Final = 1_000_000
MOST_PATH_BYTES: Final = 3000
"""Linux opens no path of more than 4,095 bytes, including that of the project."""

MOST_DEPTH: Final = 128
"""The deepest nesting of folders; they are read one after the other."""

PORTION_BYTES: Final = 16 * 1024 * 1024
"""The size of the trees compared at once; parsed, they take ten times as much memory."""

_SIZE: Final = ("--batch-check=%(objectsize)",)
_LISTED_BYTES: Final = 256 * 1024 * 1024

Names = dict[bytes, tuple[str, str]]
"""The entries of a folder: mode and object by name."""


BYTES_SETTING: Final = "intake_max_bytes in .kitty/config.toml"
FILES_SETTING: Final = "intake_max_files in .kitty/config.toml"
"""How messages name the settings of the limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """A folder that differs: its tree at the base (None where it is new) and at the tip."""

    path: str
    old: str | None
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """The entries of such a folder at the base and at the tip."""

    path: str
    old: Names
    new: Names

    @property
    def changed(self) -> list[bytes]:
        """The names at the tip whose entry differs from the base."""
        return [name for name, entry in self.new.items() if self.old.get(name) != entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObject:
    """An object of any type; `path` is one of its paths, "" for a commit."""

    oid: str
    path: str
    size: int


def new_objects(git: Git, tip: str, *, known: Sequence[str], most_bytes: int) -> list[NewObject]:
    """Return the objects of `tip` that `known` do not have, within the limits.

    Raises:
        LimitExceeded: they exceed a limit.
        GitFailed: git cannot read them.
    """
    flags = ("--objects", *(f"^{commit}" for commit in known))
    listed = git.run("rev-list", *flags, tip, "--", enough=_LISTED_BYTES)
    lines = listed.stdout.splitlines()
    if len(lines) > MOST_OBJECTS or len(listed.stdout) > _LISTED_BYTES:
        raise LimitExceeded(f"they have more than {MOST_OBJECTS} objects")
    if not lines:
        return []
    named = [os.fsdecode(line).partition(" ") for line in lines]
    oids = "".join(f"{oid}\n" for oid, _, _ in named).encode()
    answer = git.run("cat-file", "--batch-check=%(objectsize)", input=oids).stdout
    found = [
        NewObject(oid=oid, path=path, size=int(size))
        for (oid, _, path), size in zip(named, answer.split(), strict=True)
    ]
    total = sum(it.size for it in found)
    if total > most_bytes:
        largest = max(found, key=lambda it: it.size)
        text = f"they have {total} bytes, more than {most_bytes} ({BYTES_SETTING})"
        raise LimitExceeded(text, path=largest.path)
    return found


def case_faults(git: Git, tip: str, *, base: str, most_files: int) -> list[TreeFault]:
    """Return new names of `tip` that collide with another name of their folder on some file systems.

    Such names differ only in case or in Unicode normalization.

    The tree is walked level by level, so that a tree of few objects and a billion paths is refused.

    Raises:
        LimitExceeded: more than `most_files` paths differ from those of `base`, or one is too long.
        GitFailed: git cannot read a tree.
    """
    before, after = git.run("rev-parse", f"{base}^{{tree}}", f"{tip}^{{tree}}").lines
    level = [_Folder(path="", old=before, new=after)]
    faults: list[TreeFault] = []
    count = 0
    while level:
        below: list[_Folder] = []
        for found in _entries_of(git, level):
            changed = found.changed
            count += len(changed) + len(found.old.keys() - found.new.keys())
            if count > most_files:
                raise LimitExceeded(f"they change more than {most_files} files ({FILES_SETTING})")
            faults += _alike(found, tip)
            below += _below(found, changed)
        level = below
    return faults


def _below(found: _Entries, changed: Sequence[bytes]) -> Iterator[_Folder]:
    for name in changed:
        mode, oid = found.new[name]
        if mode == FOLDER:
            before = found.old.get(name)
            was = before[1] if before and before[0] == FOLDER else None
            path = f"{found.path}{os.fsdecode(name)}/"
            if len(os.fsencode(path)) > MOST_PATH_BYTES:
                raise LimitExceeded(f"a path has more than {MOST_PATH_BYTES} bytes", path=path)
            if path.count("/") > MOST_DEPTH:
                raise LimitExceeded(f"folders are nested more than {MOST_DEPTH} deep", path=path)
            yield _Folder(path=path, old=was, new=oid)


def _alike(found: _Entries, tip: str) -> Iterator[TreeFault]:
    first: dict[str, bytes] = {}
    for name in found.new:
        text = os.fsdecode(name)
        other = first.setdefault(folded(text), name)
        if other != name and not (name in found.old and other in found.old):
            what = "in case or in the encoding of accents"
            problem = f"its name differs from {os.fsdecode(other)!a} only {what}"
            yield TreeFault(path=f"{found.path}{text}", commit=tip, problem=problem)


def _entries_of(git: Git, level: Sequence[_Folder]) -> Iterator[_Entries]:
    """Yield the entries of each folder, a few at a time: the first ones may exceed the limit already."""
    for part in _parts(git, level):
        trees = _read(git, part)
        for it in part:
            yield _Entries(path=it.path, old=trees.get(it.old or "", {}), new=trees[it.new])


def _parts(git: Git, level: Sequence[_Folder]) -> Iterator[Sequence[_Folder]]:
    """Split the folders into portions of at most `PORTION_BYTES` of names, at least one each."""
    if len(level) == 1:
        yield level
        return
    listed = "".join(f"{it.new}\n{it.old or it.new}\n" for it in level).encode()
    sizes = [int(it) for it in git.run("cat-file", *_SIZE, input=listed).lines]
    start, total = 0, 0
    for at, size in enumerate(map(sum, zip(sizes[::2], sizes[1::2], strict=True))):
        if at > start and total + size > PORTION_BYTES:
            yield level[start:at]
            start, total = at, 0
        total += size
    yield level[start:]


def _read(git: Git, folders: Sequence[_Folder]) -> dict[str, Names]:
    oids = {oid for folder in folders for oid in (folder.old, folder.new) if oid}
    ordered = sorted(oids)
    contents = read_objects(git, ordered, max_bytes=MOST_TREE_BYTES)
    found = {}
    for oid, (size, content) in zip(ordered, contents, strict=True):
        if content is None:
            raise LimitExceeded(f"a folder has {size} bytes of names, more than {MOST_TREE_BYTES}")
        width = len(oid) // 2
        found[oid] = {name: (mode, entry) for mode, name, entry in entries(content, width=width)}
    return found
