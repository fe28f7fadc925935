"""A disk that keeps what was synced, and an arbitrary part of the rest.

Names and contents are kept apart: syncing a file keeps its content, syncing a folder the names in
it, syncing the file system everything. Nothing else is promised, so of everything else any part, in
any order, may be on the disk after a power loss; of a single write any sectors.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.faults.shim import Call

SECTOR = 512
RENAME_EXCHANGE = 2  # of renameat2(2)


@dataclass(kw_only=True)
class Node:
    """A file, a folder, or a symbolic link."""

    content: bytearray = field(default_factory=bytearray)
    names: dict[str, int] | None = None
    target: str | None = None
    mode: int = 0o644


@dataclass(frozen=True, kw_only=True)
class Change:
    """One change: of a name in `folder` (to `node`, or None), or of the content of `node`."""

    call: int
    node: int
    folder: int | None = None
    name: str = ""
    is_removal: bool = False
    offset: int = 0
    data: bytes | None = None
    size: int | None = None
    # The other half of a rename: both happen, or neither.
    source: tuple[int, str] | None = None
    # The previous node of the name, if two names were exchanged.
    exchanged: int | None = None


class Tree:
    """Folders, names and contents, by number."""

    def __init__(self) -> None:
        self.nodes: dict[int, Node] = {0: Node(names={}, mode=0o755)}

    @classmethod
    def load(cls, root: Path) -> Tree:
        """The tree below `root`."""
        tree = cls()
        tree._load(root, 0)
        return tree

    def _load(self, folder: Path, number: int) -> None:
        names = self.nodes[number].names
        assert names is not None
        for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
            mode = entry.stat(follow_symlinks=False).st_mode & 0o7777
            if entry.is_symlink():
                node = Node(target=str(Path(entry.path).readlink()))
            elif entry.is_dir():
                node = Node(names={}, mode=mode)
            else:
                node = Node(content=bytearray(Path(entry.path).read_bytes()), mode=mode)
            names[entry.name] = self.add(node)
            if node.names is not None:
                self._load(Path(entry.path), names[entry.name])

    def add(self, node: Node) -> int:
        """The number of a new node that has no name yet."""
        number = len(self.nodes)
        self.nodes[number] = node
        return number

    def find(self, parts: Sequence[str]) -> int | None:
        """The node at a path below the root."""
        number: int | None = 0
        for part in parts:
            names = self.nodes[number].names if number is not None else None
            number = names.get(part) if names is not None else None
        return number

    def apply(self, change: Change) -> None:
        """Apply the change."""
        if change.folder is None:
            self._write(change)
            return
        names = self.nodes[change.folder].names
        assert names is not None
        if change.is_removal:
            names.pop(change.name, None)
            return
        names[change.name] = change.node
        if change.source:
            old = self.nodes[change.source[0]].names
            if old is not None and old.get(change.source[1]) == change.node:
                del old[change.source[1]]
                if change.exchanged is not None:
                    old[change.source[1]] = change.exchanged

    def _write(self, change: Change) -> None:
        content = self.nodes[change.node].content
        if change.data is None:
            size = change.size or 0
            content[size:] = b""
            content.extend(b"\0" * (size - len(content)))
            return
        end = change.offset + len(change.data)
        content.extend(b"\0" * (end - len(content)))
        content[change.offset : end] = change.data

    def listing(self, number: int = 0, path: str = ".") -> dict[str, bytes | str | None]:
        """Every path and its content: bytes, the target of a link, or None for a folder."""
        node = self.nodes[number]
        if node.names is None:
            return {path: node.target if node.target is not None else bytes(node.content)}
        found: dict[str, bytes | str | None] = {path: None}
        for name, child in node.names.items():
            found |= self.listing(child, f"{path}/{name}")
        return found

    def store(self, root: Path, number: int = 0) -> None:
        """Write the tree below `root`, which is new."""
        node = self.nodes[number]
        if node.names is None:
            _store_leaf(root, node)
            return
        root.mkdir()
        for name, child in node.names.items():
            self.store(root / name, child)
        root.chmod(node.mode)


def _store_leaf(path: Path, node: Node) -> None:
    if node.target is not None:
        path.symlink_to(node.target)
        return
    path.write_bytes(node.content)
    path.chmod(node.mode)


class History:
    """The changes of one run, and which of them were durable after which call."""

    def __init__(self, before: Path, root: Path, calls: Sequence[Call]) -> None:
        self._before = before
        self._root = root
        # What all calls together have made of the project.
        self.now = Tree.load(before)
        self._known = len(self.now.nodes)
        self.changes: list[Change] = []
        self.safe_since: dict[int, int] = {}
        self.syncs: list[int] = []
        self.last = calls[-1].number if calls else 0
        for call in calls:
            if call.result >= 0:
                self._note(call)

    def count(self, *, per_sync: int) -> int:
        """The number of possible disks: `per_sync` for each sync, and for the end."""
        return per_sync * (len(self.syncs) + 1)

    def state(self, number: int, chance: random.Random, *, per_sync: int) -> tuple[int, Tree]:
        """A disk after a power loss, from 1 on: the last call that was made, and what it holds."""
        span, variant = divmod(number - 1, per_sync)
        bounds = [0, *self.syncs, self.last + 1]
        start, end = bounds[span], bounds[span + 1] - 1
        at = end if variant < 3 else chance.randint(start, max(start, end))
        return at, self._state(at, variant, chance)

    def _state(self, at: int, variant: int, chance: random.Random) -> Tree:
        made = [i for i, change in enumerate(self.changes) if change.call <= at]
        safe = {i for i in made if self.safe_since.get(i, at + 1) <= at}
        open_ones = [i for i in made if i not in safe]
        kept = set(open_ones) if variant == 1 else set()
        if variant == 2:
            # Like a file system that keeps the order of names, but not of contents.
            first = open_ones[: chance.randint(0, len(open_ones))]
            kept = {i for i in first if self.changes[i].folder is not None}
        if variant > 2:
            kept = {i for i in open_ones if chance.random() < 0.5}
        tree = Tree.load(self._before)
        for node in list(self.now.nodes)[self._known :]:
            new = self.now.nodes[node]
            tree.add(replace(new, content=bytearray(), names=None if new.names is None else {}))
        for i in made:
            if i in safe or i in kept:
                is_torn = i in kept and variant > 2
                tree.apply(_torn(self.changes[i], chance) if is_torn else self.changes[i])
        return tree

    # Calls become changes.

    def _note(self, call: Call) -> None:
        parts = self._parts(call.path)
        if parts is None:
            return
        note = getattr(self, f"_on_{call.op}", None)
        if note is not None:
            note(call, parts)

    def _parts(self, path: str) -> list[str] | None:
        if path.endswith(" (deleted)"):
            return None
        relative = os.path.relpath(os.path.normpath(path), self._root)
        return [] if relative == "." else relative.split("/")

    def _change(self, change: Change) -> None:
        self.now.apply(change)
        self.changes.append(change)

    def _link(self, call: Call, parts: list[str], node: int, **more: object) -> None:
        folder = self.now.find(parts[:-1])
        assert folder is not None, call
        self._change(Change(call=call.number, node=node, folder=folder, name=parts[-1], **more))  # type: ignore[arg-type]

    def _on_open(self, call: Call, parts: list[str]) -> None:
        found = self.now.find(parts)
        if found is None:
            mode = 0o444 if "/objects/" in call.path else 0o644
            self._link(call, parts, self.now.add(Node(mode=mode)))
        elif call.flags & os.O_TRUNC:
            self._change(Change(call=call.number, node=found, size=0))

    def _on_write(self, call: Call, parts: list[str]) -> None:
        found = self.now.find(parts)
        if found is not None and call.result:
            assert len(call.data) == call.result, f"a write whose bytes are not on record: {call}"
            self._change(Change(call=call.number, node=found, offset=call.offset, data=call.data))

    def _on_truncate(self, call: Call, parts: list[str]) -> None:
        found = self.now.find(parts)
        if found is not None:
            self._change(Change(call=call.number, node=found, size=call.offset))

    def _on_mkdir(self, call: Call, parts: list[str]) -> None:
        mode = 0o700 if "/.git/spec-kitty" in call.path else 0o755
        self._link(call, parts, self.now.add(Node(names={}, mode=mode)))

    def _on_symlink(self, call: Call, parts: list[str]) -> None:
        self._link(call, parts, self.now.add(Node(target=call.other)))

    def _on_link(self, call: Call, parts: list[str]) -> None:
        found, other = self.now.find(parts), self._parts(call.other)
        assert found is not None, call
        assert other is not None
        self._link(call, other, found)

    def _on_rename(self, call: Call, parts: list[str]) -> None:
        found, other = self.now.find(parts), self._parts(call.other)
        folder = self.now.find(parts[:-1])
        assert found is not None, call
        assert other is not None
        assert folder is not None
        former = self.now.find(other) if call.flags & RENAME_EXCHANGE else None
        self._link(call, other, found, source=(folder, parts[-1]), exchanged=former)

    def _on_unlink(self, call: Call, parts: list[str]) -> None:
        found = self.now.find(parts)
        if found is not None:
            self._link(call, parts, found, is_removal=True)

    _on_rmdir = _on_unlink

    def _on_sync(self, call: Call, parts: list[str]) -> None:
        found = self.now.find(parts)
        for i, change in enumerate(self.changes):
            of_names = change.folder is not None and found == change.folder
            if change.exchanged is not None and change.source is not None:
                # One change of two folders: to keep either keeps it.
                of_names = of_names or found == change.source[0]
            if of_names or (change.folder is None and change.node == found):
                self.safe_since.setdefault(i, call.number)
        self.syncs.append(call.number)

    def _on_syncfs(self, call: Call, parts: list[str]) -> None:
        for i in range(len(self.changes)):
            self.safe_since.setdefault(i, call.number)
        self.syncs.append(call.number)


def _torn(change: Change, chance: random.Random) -> Change:
    """Some sectors of a write; the others are empty."""
    if not change.data or chance.random() < 0.5:
        return change
    size = min(len(change.data), SECTOR * chance.randint(0, len(change.data) // SECTOR + 1))
    return Change(call=change.call, node=change.node, offset=change.offset, data=change.data[:size])
