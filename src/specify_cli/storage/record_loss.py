"""A record that was there and is gone: what the journal tells of it."""

from __future__ import annotations

import shlex
from collections import deque
from pathlib import Path
from typing import Final

from specify_cli.errors import SpecKittyError
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout

FIRST_WITH_RECORD: Final = (1, 5)
"""Hosts of this version of the contract, and later ones, keep a record."""


_WHAT_IS_LOST: Final = (
    "what journal and logs lack of it is lost: look at 'spec-kitty status' and 'spec-kitty mailbox verify', or put a"
    " backup of the record in its place"
)


def original(project: Layout) -> Path | None:
    """The project that this one, which has no record, is a copy of; None where it is not one."""
    # Loaded where there is no record alone.
    from specify_cli.storage import moved_projects

    return moved_projects.original(project.root)


def copy_words(project: Layout, of: Path) -> tuple[str, str]:
    """What is told of a copy, and what to do."""
    return (
        f"{project.root} is a copy of {of}, and the host's record belongs to that one: the copy has none",
        (
            f"go on there with '{shlex.join(['cd', str(of)])}', or run 'spec-kitty doctor --fix' here: it makes a record"
            " for the copy of what its journal and logs say"
        ),
    )


def told(project: Layout) -> str:
    """What is told where a record should be, and is not; empty where none was."""
    if not is_lost(project):
        return ""
    if (of := original(project)) is not None:
        return "; ".join(copy_words(project, of))
    database = project.record / "record.db"
    return f"{database} is gone: journal and logs are all that is known; {_WHAT_IS_LOST}"


def told_of_new(project: Layout) -> str:
    """What is told of a record that was made where one should have been."""
    if (of := original(project)) is not None:
        return f"a record was made for {project.root}, a copy of {of}, of what its journal and logs say"
    database = project.record / "record.db"
    return f"{database} was gone, and was made anew of what journal and logs say; {_WHAT_IS_LOST}"


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
