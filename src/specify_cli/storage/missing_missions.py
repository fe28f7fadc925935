"""Errors about missions that are missing, or known to the host but not checked out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import suppress

from specify_cli import nearest
from specify_cli.errors import MissionNotFound, SpecKittyError, StateUnreadable
from specify_cli.storage import checkout, records
from specify_cli.storage.layout import Layout
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project

_MOST_NAMED = 10
_OTHER_WAYS = "'spec-kitty doctor' says how to restore it; the host's record of it is not lost"


def mission_not_found(project: Project, name: str, known: Sequence[str]) -> MissionNotFound:
    """Return the error for a selector that matches no mission in the checkout."""
    shown = (
        ", ".join(known[:10]) or "none: make one with 'spec-kitty specify \"What is to be built\"'"
    )
    where = _where_it_was(project, name)
    if where:
        return MissionNotFound(f"mission {name[:80]!r} is not checked out: {where}")
    guess = nearest.guess(name, known)
    return MissionNotFound(
        f"no mission {name[:80]!r} in this project; missions here: {shown}{guess}"
    )


def known_elsewhere(project: Project) -> list[tuple[str, str]]:
    """Return the folder and last branch of each known mission that is not checked out.

    Raises:
        StateUnreadable: the record is damaged or has a newer format.
        StorageFailed: the disk fails.
    """
    record = records.found(project)
    if record is None:
        return []
    here = set(all_missions(project))
    # A mission may have been on several branches, and may have been renamed.
    known = {it.folder: it for it in record.known() if it.branch and it.folder not in here}
    ids = {_id_of(project, slug) for slug in here} if known else set()
    gone = (it for it in known.values() if it.mission_id is None or it.mission_id not in ids)
    return sorted((it.folder, it.branch or "") for it in gone)


def _id_of(project: Project, slug: str) -> str | None:
    # A damaged mission must not hide the others.
    with suppress(StateUnreadable):
        return MissionFiles(project, slug).identity().mission_id
    return None


def missions_not_checked_out(project: Project) -> str:
    """Describe the known missions if none is checked out; empty if none is known."""
    with suppress(SpecKittyError):
        known = known_elsewhere(project)
        rest = f" and {len(known) - _MOST_NAMED} more" if len(known) > _MOST_NAMED else ""
        if known:
            named = ", ".join(
                f"{folder} (on {branch} last)" for folder, branch in known[:_MOST_NAMED]
            )
            return f"no mission is checked out; the host knows {named}{rest}; {_way(project, known[0][1])}"
    return ""


def _where_it_was(project: Project, name: str) -> str:
    """Describe where a mission is that git or a person removed from the checkout."""
    with suppress(SpecKittyError):
        record = records.found(project)
        for it in record.missions(name, folder=name) if record else ():
            if it.branch:
                way = _way(project, it.branch)
                return f"the host knows it, and its folder was on {it.branch} last; {way}"
    return ""


def _way(project: Layout, branch: str) -> str:
    """Describe how to restore the folder of a mission that was last on the branch."""
    at = checkout.look(project.root)
    if at is None or branch == at.branch or not at.has_branch(branch):
        return _OTHER_WAYS
    return f"'git switch {shlex.quote(branch)}' checks it out; {_OTHER_WAYS}"
