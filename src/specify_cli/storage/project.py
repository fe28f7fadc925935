"""Where a project is, and where things lie in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from specify_cli.errors import MissionNotFound
from specify_cli.storage.settings import HostSettings

ROOT_VARIABLE = "SPECIFY_REPO_ROOT"
MARKS = ("kitty-specs", ".kittify", ".git")


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
        return self.root / ".worktrees"

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
    for folder in (origin, *origin.parents):
        if any(os.path.exists(folder / mark) for mark in MARKS):
            return Project(_main_checkout(folder))
    raise MissionNotFound(
        f"no project at {origin} or above it: run 'spec-kitty init' in the repository's root,"
        f" or set {ROOT_VARIABLE}"
    )


def _main_checkout(folder: Path) -> Path:
    """The main checkout that `folder` is a linked worktree of; `folder` itself where it is none.

    A linked worktree's `.git` is a file that names its git folder, which names the common one in
    `commondir`. Source: gitrepository-layout(5).
    """
    link = folder / ".git"
    if not link.is_file():
        return folder
    try:
        git_folder = folder / link.read_text().removeprefix("gitdir:").strip()
        common = (git_folder / (git_folder / "commondir").read_text().strip()).resolve()
    except (OSError, ValueError):  # Not there, or no text that could name a folder.
        return folder
    return common.parent if common.name == ".git" else folder
