"""Find the uncommitted changes of a workspace by a git folder and index of the host's own.

The workspace's own repository is not used: neither its settings, nor its index, nor its excludes.
The result is advice only: an agent may write meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from specify_cli.core.merge_paths import shown
from specify_cli.vcs.blocking_files import blocking_files
from specify_cli.vcs.converted_files import FilteredFiles, conversions, copy_attributes
from specify_cli.vcs.git import GitFailed, within
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.sandbox import Sandbox, sandbox_for
from specify_cli.vcs.scratch_repository import ScratchRepository, scratch_repository
from specify_cli.vcs.workspace_settings import ProjectSettings

_STATUS: Final = (
    *("status", "--porcelain=v1", "-z", "--no-renames"),
    *("--untracked-files=all", "--ignored=matching"),
    # A flag, because `.gitmodules`, which the agent writes, overrides the setting of that name; git
    # would then run a filter of the nested repository.
    "--ignore-submodules=all",
)
MOST_LISTED: Final = 32 * 1024 * 1024
"""The most bytes of names that are read from git; as text they need several times as much memory."""

_INDEX_BYTES: Final = 1024**3
_NAMING_S: Final = 5.0
_TOLD: Final = 10
_UNSEEN: Final = "could not open directory"


class WorkspaceUnreadable(Exception):
    """A workspace could not be examined; `code` is `unreadable`, `timed_out` or `too_much`."""

    def __init__(self, reason: str, *, code: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class UncommittedChanges:
    """The paths that differ from a commit; a folder that was not entered ends in a slash.

    `missing` are files of the commit that do not exist: no work would be lost with them.
    """

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    untracked: tuple[str, ...]
    ignored: tuple[str, ...]
    is_sandboxed: bool

    @property
    def work(self) -> tuple[str, ...]:
        """The paths that would be lost with the workspace: ignored files do not count."""
        return (*self.changed, *self.untracked)


def uncommitted_changes(
    repo: Repository,
    workspace: Path,
    *,
    commit: str,
    seconds: float = 120,
    objects: Sequence[Path] = (),
    filters: Collection[str] | None = None,
) -> UncommittedChanges:
    """Return how the workspace differs from a commit that the project, or a folder of `objects`, has.

    `filters` are those that may run on the host, on the files of the commit; None for all that git has.

    Raises:
        WorkspaceUnreadable: it took too long, or a part of it cannot be read.
        GitFailed: git does not work in the project.
        OSError: the disk refused.
    """
    if workspace.is_symlink() or not workspace.is_dir():
        raise WorkspaceUnreadable(f"{workspace} is not a folder", code="unreadable")
    deadline = time.monotonic() + seconds
    refs = {"HEAD": commit}
    with scratch_repository(
        repo, like=commit, refs=refs, file_bytes=_INDEX_BYTES, others=objects
    ) as made:
        made.git.run("read-tree", commit)
        settings = ProjectSettings.read(repo.git)
        copy_attributes(made)
        filtered = FilteredFiles(
            repo=repo, made=made, workspace=workspace, settings=settings, filters=filters
        )
        try:
            with within(seconds):
                found = _status(made, workspace, conversions(settings))
                unchanged = filtered.unchanged(found.changed)
                return replace(
                    found, changed=tuple(it for it in found.changed if it not in unchanged)
                )
        except (GitFailed, TimeoutError) as error:
            if isinstance(error, GitFailed) and time.monotonic() < deadline:
                raise _unreadable(error.stderr) from error
            text = f"examining {workspace} took longer than {seconds:g} s{_held_up_by(workspace)}"
            raise WorkspaceUnreadable(text, code="timed_out") from error


def _status(made: ScratchRepository, workspace: Path, flags: Sequence[str]) -> UncommittedChanges:
    sandbox = sandbox_for(workspace)
    if not sandbox.is_isolated:
        # Another user cannot reach the scratch repository in the project's git folder.
        sandbox = Sandbox(is_isolated=False)
    location = {"GIT_DIR": str(made.folder), "GIT_WORK_TREE": str(workspace)}
    readable = [workspace, made.folder, *made.object_folders]
    git = sandbox.git(workspace, readable=readable, location=location)
    done = replace(git, overrides=(*git.overrides, *flags)).run(*_STATUS, enough=MOST_LISTED)
    if _UNSEEN in done.stderr:
        raise _unreadable(done.stderr)
    entries = [(field[:2], field[3:]) for field in done.fields]
    entries = _whole(entries, workspace, is_cut=len(done.stdout) > MOST_LISTED)
    return UncommittedChanges(
        changed=tuple(path for code, path in entries if code not in ("??", "!!", " D")),
        missing=tuple(path for code, path in entries if code == " D"),
        untracked=tuple(path for code, path in entries if code == "??"),
        ignored=tuple(path for code, path in entries if code == "!!"),
        is_sandboxed=sandbox.is_isolated,
    )


def _whole(
    entries: list[tuple[str, str]], workspace: Path, *, is_cut: bool
) -> list[tuple[str, str]]:
    """Return the complete entries of a cut answer, where only ignored files are missing; git prints these last."""
    if not is_cut:
        return entries
    *whole, (code, _) = entries
    if code != "!!":
        text = f"the names of what differs from the commit have more than {MOST_LISTED} bytes"
        raise WorkspaceUnreadable(f"{workspace} cannot be examined: {text}", code="too_much")
    return whole


def _unreadable(stderr: str) -> WorkspaceUnreadable:
    lines = "; ".join(shown(line) for line in stderr.splitlines()[:_TOLD])
    return WorkspaceUnreadable(f"a part of it cannot be read: {lines}", code="unreadable")


def _held_up_by(workspace: Path) -> str:
    """Describe the files that git waits for, if there are any."""
    own = workspace / ".git"
    try:
        endless = list(blocking_files(workspace, seconds=_NAMING_S))
    except TimeoutError:
        return ""
    found = [it for it in endless if not it.is_relative_to(own)]
    named = ", ".join(repr(shown(str(it))) for it in found[:_TOLD])
    return f"; not a regular file, remove it: {named}" if named else ""
