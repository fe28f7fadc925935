"""A record that is lost, as the journal shows."""

from __future__ import annotations

import os
import shlex
from collections import deque
from pathlib import Path
from typing import Final

from specify_cli.errors import SpecKittyError
from specify_cli.storage import record_location
from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout

FIRST_WITH_RECORD: Final = (1, 5)
"""The first version of the contract whose hosts keep a record."""


_WHAT_IS_LOST: Final = (
    "what journal and logs do not have is lost: check 'spec-kitty status' and 'spec-kitty mailbox verify', or put a"
    " backup of the record in its place"
)


def original(project: Layout) -> Path | None:
    """Return the project that this one, which has no record, is a copy of; None if it is not a copy."""
    # Inside the function: only a project without a record needs it.
    from specify_cli.storage import moved_projects

    return moved_projects.original(project.root)


def copy_warning(project: Layout, of: Path) -> tuple[str, str]:
    """Return a description of the copy, and the advice for it."""
    return (
        f"{project.root} is a copy of {of}, which has the host's record: the copy has none",
        (
            f"continue there with '{shlex.join(['cd', str(of)])}', or run 'spec-kitty doctor --fix' here: it makes a record"
            " for the copy from its journal and logs"
        ),
    )


def place_warning(project: Layout) -> tuple[str, str] | None:
    """Return a description and advice if the place of the record is missing as well; else None.

    That is so in a copy without the git folder of the original, in the repository of another project, and
    where the folder was removed.
    """
    around = record_location.around(project.root)
    folder = around[1] / record_location.FOLDER if around else project.record
    if os.path.lexists(folder):
        return None
    what = (
        f"{around[0]} is a repository without a record of {project.root}: the project was copied into it, or {folder}"
        " was removed"
        if around
        else f"{project.root} has no record and is not in a git repository: it is a copy without the .git folder of the"
        " original, or that folder was removed"
    )
    return what, (
        "continue in the original, or put the folder back; without them, run 'spec-kitty doctor --fix' here: it makes a"
        " record from journal and logs"
    )


def warning(project: Layout) -> str:
    """Return the warning about a lost record; empty if no record is lost."""
    if not is_lost(project):
        return ""
    if (of := original(project)) is not None:
        return "; ".join(copy_warning(project, of))
    if (misplaced := place_warning(project)) is not None:
        return "; ".join(misplaced)
    database = project.record / "record.db"
    return f"{database} is gone: the host reads only journal and logs; {_WHAT_IS_LOST}"


def warning_of_new(project: Layout) -> str:
    """Return the warning about a record that was made in place of a lost one."""
    if (of := original(project)) is not None:
        return f"a record was made for {project.root}, a copy of {of}, from its journal and logs"
    database = project.record / "record.db"
    return f"{database} did not exist, and was made from journal and logs; {_WHAT_IS_LOST}"


def is_lost(project: Layout) -> bool:
    """Whether the newest journal line comes from a host that keeps a record; call it if there is no record."""
    try:
        newest = next(iter(deque(JournalFiles(project.journal).parsed(), maxlen=1)), None)
        if newest is None:
            return False
        major, minor = newest[1]["envelope"]["contract_version"].split(".")[:2]
        return (int(major), int(minor)) >= FIRST_WITH_RECORD
    except (SpecKittyError, AttributeError, KeyError, TypeError, ValueError):
        return False  # Another release wrote it, or it is damaged.
