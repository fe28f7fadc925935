"""What is told of a mission that is not there, and of those that the host knows and that are not checked out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from specify_cli import nearest
from specify_cli.errors import MissionNotFound, SpecKittyError
from specify_cli.storage import records
from specify_cli.storage.project import Project

_MOST_NAMED = 10


def mission_not_found(project: Project, name: str, known: Sequence[str]) -> MissionNotFound:
    """The refusal for a selector that fits no mission that is checked out."""
    shown = (
        ", ".join(known[:10]) or "none: make one with 'spec-kitty specify \"What is to be built\"'"
    )
    guess = _where_it_was(project, name) or nearest.guess(name, known)
    return MissionNotFound(
        f"no mission {name[:80]!r} in this project; missions here: {shown}{guess}"
    )


def missions_not_checked_out(project: Project) -> str:
    """What the host knows of missions whose folders are not there; empty where it knows none."""
    with suppress(SpecKittyError):
        record = records.found(project)
        known = (
            [f"{folder} (on {branch} last)" for folder, branch in record.folders()]
            if record
            else []
        )
        rest = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
        if known:
            named = ", ".join(known[:_MOST_NAMED])
            return (
                f"no mission is checked out; the host knows {named}{rest}: check that branch out, or bring"
                " the folder back, as with 'git stash pop'; what the host knows of it is not lost"
            )
    return ""


def _where_it_was(project: Project, name: str) -> str:
    """Where the mission is that the host knows, and that git or somebody took out of the checkout."""
    with suppress(SpecKittyError):
        record = records.found(project)
        for it in record.missions(name, folder=name) if record else ():
            if it.branch:
                return (
                    f"; the host knows it, and its folder was on {it.branch} last: check that out"
                )
    return ""
