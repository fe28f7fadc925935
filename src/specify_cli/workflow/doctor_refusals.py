"""Where git refuses to pop a stash or to switch branches because of files that the host writes."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from specify_cli.errors import StateUnreadable
from specify_cli.storage import checkout
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.vcs.file_versions import UNTRACKED, FileVersions
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.doctor_findings import Finding, note

_MOST_NAMED = 3


def examine_refusals(files: MissionFiles, repository: Repository) -> Iterator[Finding]:
    """What git refuses because the host has written the mission's log or `lanes.json`, and how it is done all the same.

    Raises: StorageFailed.
    """
    at = checkout.look(files.project.root)
    if at and at.operation:
        # Git refuses all of that until it is finished.
        return
    try:
        known = [
            FileVersions(repository=repository, path=it)
            for it in (files.log.path, files.lanes_path)
        ]
        standing = {it: found for it in known if (found := it.standing())}
        if standing:
            # What the record does not have yet is taken in before the file is given up.
            first = "spec-kitty doctor --fix; " if files.log.view().foreign else ""
            yield from _stashes(files, standing, first=first)
            yield from _switches(files, standing, first=first)
    except (GitFailed, StateUnreadable):  # A finding about the repository, or the log, already.
        return


def _stashes(
    files: MissionFiles, standing: dict[FileVersions, str], *, first: str
) -> Iterator[Finding]:
    touched = {it: stash for it in standing for stash in it.stashes()[:1]}
    for stash in sorted({*touched.values()})[:1]:
        held = [it for it, found in touched.items() if found == stash]
        given_up = [_given_up(files, it, is_untracked=it.was_untracked_in(stash)) for it in held]
        what = (
            f"{stash} has another version of it: git refuses to pop that, because the host has written the file"
            " since"
        )
        command = f"{first}{' && '.join(given_up)} && git stash pop {stash}"
        repair = (
            f"'{command}' pops it; the host knows the lines, and writes what the file lacks then"
        )
        yield note("stash", held[0].path, what, repair=repair)


def _switches(
    files: MissionFiles, standing: dict[FileVersions, str], *, first: str
) -> Iterator[Finding]:
    refusing: dict[str, list[str]] = {}
    for versions, found in standing.items():
        given_up = _given_up(files, versions, is_untracked=found == UNTRACKED)
        for branch in versions.branches_that_refuse(found):
            refusing.setdefault(branch, []).append(given_up)
    if not refusing:
        return
    branch, commands = next(iter(refusing.items()))
    what = f"it is not committed, and git refuses to switch to {_named([*refusing])}, where it is another one"
    repair = (
        f"commit it, or run '{first}{' && '.join(commands)} && git switch {shlex.quote(branch)}'; the host knows"
        " the lines, and writes them again when this branch is back"
    )
    yield note("switch", files.log.path, what, repair=repair)


def _given_up(files: MissionFiles, versions: FileVersions, *, is_untracked: bool) -> str:
    """The command after which the file is in nobody's way."""
    path = shlex.quote(_shown(versions.path, files.project.root))
    return f"rm {path}" if is_untracked else f"git checkout HEAD -- {path}"


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


def _named(branches: Sequence[str]) -> str:
    more = len(branches) - _MOST_NAMED
    named = ", ".join(branches[:_MOST_NAMED])
    return f"{named} and {more} more" if more > 0 else named
