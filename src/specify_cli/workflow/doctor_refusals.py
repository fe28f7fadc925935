"""Stashes that git refuses to pop, and branches that it refuses to check out, because of the host's files."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from specify_cli.errors import StateUnreadable
from specify_cli.storage import checkout
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.vcs.file_versions import UNTRACKED, FileVersions
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.doctor_findings import Finding, note

_MOST_NAMED = 3


def examine_refusals(files: MissionFiles, repository: Repository) -> Iterator[Finding]:
    """Report what git refuses because of the mission's log or `lanes.json`, and commands that do it anyway.

    Raises:
        StorageFailed: the disk refused.
    """
    at = checkout.look(files.project.root)
    if at and at.operation:
        # Git refuses both until the operation is finished.
        return
    try:
        known = [
            FileVersions(repository=repository, path=it)
            for it in (files.log.path, files.lanes_path)
        ]
        uncommitted = {it: found for it in known if (found := it.standing())}
        if uncommitted:
            # The record takes in lines that it lacks before the file is discarded.
            first = "spec-kitty doctor --fix; " if files.log.view().foreign else ""
            yield from _stashes(files, [*uncommitted], first=first)
            yield from _switches(files, uncommitted, first=first)
    except (
        GitFailed,
        StateUnreadable,
    ):  # Faults of the repository and the log are reported already.
        return


def _stashes(
    files: MissionFiles, uncommitted: Sequence[FileVersions], *, first: str
) -> Iterator[Finding]:
    stashed = {it: stash for it in uncommitted for stash in it.stashes()[:1]}
    for stash in sorted({*stashed.values()})[:1]:
        versions = [it for it, found in stashed.items() if found == stash]
        discards = [_discard(files, it, is_untracked=it.was_untracked_in(stash)) for it in versions]
        what = (
            f"git refuses to pop {stash}, which has another version of this file, because the host has written"
            " the file since"
        )
        command = f"{first}{' && '.join(discards)} && git stash pop {stash}"
        repair = f"'{command}' pops it; the host then adds the lines that the file lacks"
        yield note("stash", versions[0].path, what, repair=repair)


def _switches(
    files: MissionFiles, uncommitted: dict[FileVersions, str], *, first: str
) -> Iterator[Finding]:
    refusing: dict[str, list[str]] = {}
    for versions, found in uncommitted.items():
        discard = _discard(files, versions, is_untracked=found == UNTRACKED)
        for branch in versions.branches_that_refuse(found):
            refusing.setdefault(branch, []).append(discard)
    if not refusing:
        return
    branch, commands = next(iter(refusing.items()))
    what = (
        f"the file is not committed, and git refuses to switch to {_named([*refusing])}, which has another"
        " version of it"
    )
    repair = (
        f"commit it, or run '{first}{' && '.join(commands)} && git switch {shlex.quote(branch)}'; the host writes"
        " the lines again when this branch is checked out"
    )
    yield note("switch", files.log.path, what, repair=repair)


def _discard(files: MissionFiles, versions: FileVersions, *, is_untracked: bool) -> str:
    """Return the command that discards the uncommitted version of the file."""
    path = shlex.quote(versions.path.relative_to(files.project.root).as_posix())
    return f"rm {path}" if is_untracked else f"git checkout HEAD -- {path}"


def _named(branches: Sequence[str]) -> str:
    more = len(branches) - _MOST_NAMED
    named = ", ".join(branches[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named
