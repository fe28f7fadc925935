"""The file of metrics that the textfile collector of Prometheus' node exporter reads."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from specify_cli.errors import UsageError
from specify_cli.files import atomic

SUFFIX: Final = ".prom"
INTERVAL_S: Final = 15.0


def require_usable(path: Path) -> None:
    """Check the name and the folder.

    Raises:
        UsageError: the collector would not read the file, or its folder is missing.
    """
    if path.suffix != SUFFIX:
        raise UsageError(f"{path} must end in {SUFFIX}: the collector reads no other files")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder: create it first")


def write(path: Path, text: bytes) -> None:
    """Replace the file atomically; every user can read it, because the collector has a user of its own.

    Raises:
        UsageError: as `require_usable`.
        StorageFailed: the disk failed.
    """
    require_usable(path)
    atomic.publish_to_all(path, text)
