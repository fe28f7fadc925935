"""The real git-lfs, for tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_git_lfs = pytest.mark.skipif(
    shutil.which("git-lfs") is None, reason="git-lfs is not installed: apt install git-lfs"
)


def use_git_lfs(root: Path) -> None:
    """Configure git-lfs for `*.bin` in the repository; the caller commits it."""
    subprocess.run(["git", "lfs", "install", "--local"], cwd=root, check=True, capture_output=True)
    with (root / ".gitattributes").open("a") as attributes:
        attributes.write("*.bin filter=lfs diff=lfs merge=lfs -text\n")


def lfs_objects(git_dir: Path) -> dict[str, bytes]:
    """The content of each object that git-lfs has there, by its digest."""
    files = (it for it in (git_dir / "lfs" / "objects").rglob("*") if it.is_file())
    return {it.name: it.read_bytes() for it in files}
