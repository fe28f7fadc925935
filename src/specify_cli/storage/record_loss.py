"""A record that was there and is gone: what the journal tells of it."""

from __future__ import annotations

from collections import deque
from typing import Final

from specify_cli.errors import SpecKittyError
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout

FIRST_WITH_RECORD: Final = (1, 5)
"""Hosts of this version of the contract, and later ones, keep a record."""


def is_lost(project: Layout) -> bool:
    """Whether a host that keeps a record wrote the newest line of the journal; ask where there is no record."""
    try:
        newest = next(iter(deque(JournalFiles(project.journal).parsed(), maxlen=1)), None)
        if newest is None:
            return False
        major, minor = newest[1]["envelope"]["contract_version"].split(".")[:2]
        return (int(major), int(minor)) >= FIRST_WITH_RECORD
    except (SpecKittyError, AttributeError, KeyError, TypeError, ValueError):
        return False  # Of another release, or damaged: nobody can tell.
