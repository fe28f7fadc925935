"""The request to take in the commits of a workspace, and its refusal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final

from specify_cli.core.merge_paths import shown
from specify_cli.vcs.git import GitFailed

MOST_NAMED: Final = 10
"""The most paths that a refusal names."""

_SAID_CHARACTERS: Final = 2000


class IntakeRefused(Exception):
    """The commits of a workspace were not fetched; `reason` says why and what to do.

    `code` names the case: `unreadable`, `no_branch`, `not_descended`, `diverged`, `too_much`,
    `bad_content`, `lfs_missing`, `uncommitted_changes` or `timed_out`. `paths` are the paths
    concerned.
    """

    def __init__(self, reason: str, *, code: str, paths: Sequence[str] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.paths = tuple(paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeLimits:
    """The limits of one intake."""

    bytes: int = 2 * 1024**3
    files: int = 100_000
    seconds: float = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeSource:
    """A branch of a workspace, and the project's commit that the workspace was made at.

    `shared` are object folders that the host let the workspace borrow. `public` is the tip of the
    target branch: faults in its history are not blamed on the agent.
    """

    workspace: Path
    branch: str
    base: str
    shared: tuple[Path, ...] = ()
    public: str | None = None


class BranchRelation(Enum):
    """The relation of the commits of a workspace to the project's branch.

    `REWRITTEN`: the project's branch is as the host left it, and has commits that the workspace
    dropped.
    """

    SAME = "same"
    AHEAD = "ahead"
    REWRITTEN = "rewritten"
    BEHIND = "behind"
    DIVERGED = "diverged"


def missing_branch(source: IntakeSource) -> IntakeRefused:
    """Return the refusal of a workspace without its branch."""
    at, branch = shlex.quote(str(source.workspace)), shlex.quote(source.branch)
    text = f"the workspace has no branch {source.branch}; to create it, its agent runs in {at}: git switch -C {branch}"
    return IntakeRefused(text, code="no_branch")


def listed_paths(paths: Sequence[Path]) -> str:
    """Return the first of the paths, printable: an agent's names may hold anything."""
    more = " and more" if len(paths) > MOST_NAMED else ""
    return ", ".join(repr(shown(str(it))) for it in paths[:MOST_NAMED]) + more


def git_message(error: GitFailed) -> str:
    """Return the message of git, printable and of bounded length: names in it are the agent's."""
    lines = (shown(line) for line in error.stderr.splitlines()[-MOST_NAMED:])
    return "; ".join(lines)[:_SAID_CHARACTERS]
