"""Where a project is, and where things lie in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from specify_cli.errors import MissionNotFound
from specify_cli.storage.safe_read import NotRegular, TooLarge, read_regular
from specify_cli.storage.settings import HostSettings

ROOT_VARIABLE = "SPECIFY_REPO_ROOT"
GIT = ".git"
MARKS = ("kitty-specs", ".kittify", GIT)
WORKTREES = ".worktrees"
MAX_LINK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Project:
    """A project's main checkout, the folders of the host in it, and what the operator has set.

    `load_settings` is called by whoever needs a setting, so that a damaged file refuses nobody else.
    """

    root: Path
    load_settings: Callable[[], HostSettings] = field(default=HostSettings, compare=False)

    @property
    def settings(self) -> HostSettings:
        """What the operator has set.

        Raises: StateUnreadable where that is written down and damaged.
        """
        return self.load_settings()

    @property
    def missions(self) -> Path:
        """The folder with one folder per mission."""
        return self.root / "kitty-specs"

    @property
    def kitty(self) -> Path:
        """The folder of the mailbox and of the host's own files."""
        return self.root / ".kitty"

    @property
    def host(self) -> Path:
        """The host's private folder."""
        return self.kitty / "host"

    @property
    def journal(self) -> Path:
        """The journal that both doors append to."""
        return self.kitty / "outbox" / "journal.jsonl"

    @property
    def begun(self) -> Path:
        """The folder of notes of what command lines have begun."""
        return self.host / "begun"

    @property
    def worktrees(self) -> Path:
        """The folder of the execution lanes' worktrees."""
        return self.root / WORKTREES

    def lock(self, name: str) -> Path:
        """The lock file of that name."""
        return self.host / "locks" / f"{name}.lock"


def find_project(start: Path, environment: Mapping[str, str]) -> Project:
    """The project that `start` lies in, or that the environment names; always its main checkout.

    Raises: MissionNotFound when there is none.
    """
    named = environment.get(ROOT_VARIABLE)
    origin = Path(named) if named else start
    if named and not os.path.isdir(origin):
        raise MissionNotFound(
            f"{ROOT_VARIABLE} names {named!r}, which is no folder: correct the variable or unset it"
        )
    try:
        origin = origin.resolve()
    except OSError as error:
        raise MissionNotFound(
            f"the working directory cannot be read ({error.strerror}): go to a folder that is"
            f" there, or set {ROOT_VARIABLE}"
        ) from error
    root = root_above(origin, MARKS)
    if root is None:
        raise MissionNotFound(
            f"no project at {origin} or above it: run 'spec-kitty init' in the repository's root,"
            f" or set {ROOT_VARIABLE}"
        )
    return Project(root)


def root_above(folder: Path, marks: Sequence[str]) -> Path | None:
    """The main checkout of the nearest folder, at or above `folder`, that has one of the marks.

    What is below a project's `.worktrees` leads to that project, whatever it contains: agents can
    write there. `folder` is absolute and has no links.
    """
    start = _outside_worktrees(folder)
    for candidate in (start, *start.parents):
        if _has_mark(candidate, marks):
            return _outside_worktrees(_main_checkout(candidate))
    return None


def _outside_worktrees(folder: Path) -> Path:
    """The project whose `.worktrees` contains `folder`; `folder` itself where there is none."""
    # The outermost one first: a project below it is an agent's.
    for outer, name in zip(reversed(folder.parents), folder.parts[1:], strict=True):
        if name == WORKTREES and _has_mark(outer, MARKS):
            return outer
    return folder


def _has_mark(folder: Path, marks: Sequence[str]) -> bool:
    return any(os.path.exists(folder / mark) for mark in marks)


def _main_checkout(folder: Path) -> Path:
    """The main checkout that `folder` is a linked worktree of; `folder` itself where it is not one.

    A linked worktree's `.git` is a file that names `<main checkout>/.git/worktrees/<name>`. What
    that folder contains is not read: its `commondir` says the same, but agents may write there.
    Source: gitrepository-layout(5).
    """
    try:
        link = Path(os.path.realpath(folder / GIT))
        text = read_regular(link, max_bytes=MAX_LINK_BYTES).decode()
        # By its name: a link in place of the last folder must not lead elsewhere.
        git_folder = os.path.normpath(folder / text.removeprefix("gitdir:").strip())
        is_there = os.path.isdir(git_folder)
    except (OSError, ValueError, NotRegular, TooLarge):  # Not there, or it cannot name a folder.
        return folder
    *_, common, worktrees, _name = ("", "", *Path(git_folder).parts)
    if not is_there or (common, worktrees) != (GIT, "worktrees"):
        return folder
    return Path(os.path.realpath(Path(git_folder).parents[2]))
