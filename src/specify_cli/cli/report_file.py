"""The file of a report: only a report is replaced."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from specify_cli import errors
from specify_cli.files import atomic

MARK: Final = b'<meta name="generator" content="spec-kitty report">'
"""Part of the head of every report."""

_MODE: Final = 0o600
_HEAD_BYTES: Final = 4096


def require_replaceable(path: Path, *, force: bool) -> os.stat_result | None:
    """Check that the path is free, or names a report; with `force`, any regular file.

    Returns:
        What is known of the present file; None if the path is free.

    Raises:
        UsageError: It does not, or its folder is missing.
        StorageFailed: The disk fails.
    """
    if not path.parent.is_dir():
        raise errors.UsageError(f"there is no folder {path.parent}: create it first")
    with atomic.translated(path, "read"):
        try:
            former = path.lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(former.st_mode):
            raise errors.UsageError(f"{path} is not a regular file: name another file")
        if force:
            return former
        with path.open("rb") as file:
            is_report = MARK in file.read(_HEAD_BYTES)
    if not is_report:
        raise errors.UsageError(
            f"{path} exists and is not a report: name another file, or replace it with --force"
        )
    return former


def write(path: Path, data: bytes, *, force: bool) -> None:
    """Write the report atomically; a new file is for its owner alone, one of this user keeps its mode.

    Raises:
        UsageError, StorageFailed: As `require_replaceable`.
    """
    former = require_replaceable(path, force=force)
    # In a shared folder, somebody else may have made the file, for everyone to read.
    is_ours = former is not None and former.st_uid == os.geteuid()
    mode = stat.S_IMODE(former.st_mode) if former and is_ours else _MODE
    atomic.publish(path, data, mode=mode)
