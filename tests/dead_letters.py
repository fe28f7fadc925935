"""The dead letters of a project, as the tests read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from specify_cli.storage.dead_letters import LetterFolder


def read_records(folder: Path) -> Iterator[Mapping[str, Any]]:
    """The complete records in a folder of dead letters, oldest first."""
    return (letter.record for letter in LetterFolder(folder).letters())
