"""Another file system than the one that the tests run on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FILE_SYSTEMS = (Path("/dev/shm"), Path("/var/tmp"))


@contextmanager
def on_another_file_system(folder: Path) -> Iterator[Path]:
    """A free path on another file system than `folder`, removed afterwards; skips if there is none."""
    device = folder.stat().st_dev
    others = [it for it in FILE_SYSTEMS if it.is_dir() and it.stat().st_dev != device]
    if not others:
        pytest.skip("there is only one file system")
    path = others[0] / f"spec-kitty-{os.getpid()}-{folder.name}"
    yield path
    shutil.rmtree(path, ignore_errors=True)
