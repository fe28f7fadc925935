"""What git has written is on the disk."""

from __future__ import annotations

import os


def sync() -> None:
    """Everything that git has written by now survives a power loss.

    Git syncs files on request, but no folder: the name of a ref, or a whole worktree, may be gone.
    One sync of the file systems makes objects, refs, index, files and all their names durable.
    """
    os.sync()
