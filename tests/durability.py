"""What would be left after a loss of power: which bytes and which names a process has synced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass(slots=True)
class Durable:
    """What the kernel was asked to keep since watching began; `steps` in the order of asking.

    A step is `sync <name>`, `rename <name>` under the new name, or `unlink <name>`.
    """

    steps: list[str] = field(default_factory=list)
    content: dict[Path, bytes] = field(default_factory=dict)

    def is_kept(self, path: Path) -> bool:
        """Whether the bytes that `path` has now were synced under this or an earlier name."""
        return self.content.get(path) == path.read_bytes()

    def is_name_kept(self, path: Path) -> bool:
        """Whether the folder was synced after the last change of the name."""
        changes = [i for i, step in enumerate(self.steps) if step in _changes(path)]
        syncs = [i for i, step in enumerate(self.steps) if step == f"sync {path.parent.name}"]
        return bool(syncs) and syncs[-1] > max(changes, default=-1)

    def synced(self, descriptor: int) -> None:
        """The kernel has put on the disk what the descriptor leads to."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.steps.append(f"sync {path.name}")
        if path.is_file():
            self.content[path] = path.read_bytes()

    def renamed(self, old: Path, new: Path) -> None:
        """The name has changed; what was synced stays synced."""
        self.steps.append(f"rename {new.name}")
        if old in self.content:
            self.content[new] = self.content.pop(old)


def _changes(path: Path) -> tuple[str, str]:
    return f"rename {path.name}", f"unlink {path.name}"


@contextmanager
def watched() -> Iterator[Durable]:
    """While the block runs, this process's syncs, renames and removals by path are noted."""
    durable = Durable()
    fsync, fdatasync, replace, rename, unlink = (
        os.fsync,
        os.fdatasync,
        os.replace,
        os.rename,
        os.unlink,
    )

    def noting_sync(descriptor: int) -> None:
        fsync(descriptor)
        durable.synced(descriptor)

    def noting_data_sync(descriptor: int) -> None:
        fdatasync(descriptor)
        durable.synced(descriptor)

    def noting_replace(old: Path, new: Path) -> None:
        replace(old, new)
        durable.renamed(Path(old), Path(new))

    def noting_rename(old: Path, new: Path) -> None:
        rename(old, new)
        durable.renamed(Path(old), Path(new))

    def noting_unlink(path: Path) -> None:
        unlink(path)
        durable.steps.append(f"unlink {Path(path).name}")

    with pytest.MonkeyPatch.context() as kernel:
        kernel.setattr(os, "fsync", noting_sync)
        kernel.setattr(os, "fdatasync", noting_data_sync)
        kernel.setattr(os, "replace", noting_replace)
        kernel.setattr(os, "rename", noting_rename)
        kernel.setattr(os, "unlink", noting_unlink)
        yield durable
