"""Find the project of a folder, and its settings."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from specify_cli.errors import MissionNotFound
from specify_cli.storage import git_folders
from specify_cli.storage.git_folders import GIT
from specify_cli.storage.layout import WORKTREES, Layout
from specify_cli.storage.record_location import MISSIONS
from specify_cli.storage.settings import HostSettings

ROOT_VARIABLE = "SPECIFY_REPO_ROOT"
MARKS = (MISSIONS, ".kittify", GIT)
CLONE = "main-checkout"
"""The suggested name of a clone if there is no main checkout."""

_TRUE = ("true", "yes", "on", "1")


class Project(Layout):
    """The paths of a project, and its operator's settings.

    `load_settings` runs only when a setting is needed, so that a damaged file affects no other
    request.
    """

    def __init__(
        self, root: Path, load_settings: Callable[[], HostSettings] = HostSettings
    ) -> None:
        super().__init__(root)
        self.load_settings = load_settings

    @property
    def settings(self) -> HostSettings:
        """The operator's settings.

        Raises:
            StateUnreadable: the file is damaged.
        """
        return self.load_settings()


def find_project(start: Path, environment: Mapping[str, str]) -> Project:
    """Return the project of `start`, or the one in the environment; always its main checkout.

    Raises:
        MissionNotFound: there is no project, or its repository has no main checkout.
    """
    named = environment.get(ROOT_VARIABLE)
    origin = Path(named) if named else start
    if named and not os.path.isdir(origin):
        raise MissionNotFound(
            f"{ROOT_VARIABLE} names {named!r}, which is not a folder: correct the variable or unset it"
        )
    try:
        origin = origin.resolve()
    except OSError as error:
        raise MissionNotFound(
            f"the working directory cannot be read ({error.strerror}): change to a folder that"
            f" exists, or set {ROOT_VARIABLE}"
        ) from error
    root = root_above(origin, MARKS)
    if root is None:
        raise MissionNotFound(
            f"no project at {origin} or above it: run 'spec-kitty init' in the repository's root,"
            f" or set {ROOT_VARIABLE}"
        )
    return Project(root)


def root_above(folder: Path, marks: Sequence[str]) -> Path | None:
    """Return the main checkout of the nearest folder, at or above `folder`, with one of the marks.

    A path below a project's `.worktrees` belongs to that project, whatever it contains: agents can
    write there. `folder` is absolute and has no links.

    Raises:
        MissionNotFound: the repository is bare, or its main checkout is unknown.
    """
    start = _outside_worktrees(folder)
    for candidate in (start, *start.parents):
        if _has_mark(candidate, marks):
            root = _outside_worktrees(_main_checkout(candidate))
            _require_main_checkout(root)
            return root
    for candidate in (start, *start.parents):
        if os.path.isfile(candidate / "HEAD") and _is_bare(candidate):
            raise _no_main_checkout(candidate, candidate)
    return None


def _outside_worktrees(folder: Path) -> Path:
    """Return the project whose `.worktrees` contains `folder`; else `folder` itself."""
    # Outermost first: a project below it belongs to an agent.
    for outer, name in zip(reversed(folder.parents), folder.parts[1:], strict=True):
        if name == WORKTREES and _has_mark(outer, MARKS):
            return outer
    return folder


def _has_mark(folder: Path, marks: Sequence[str]) -> bool:
    return any(os.path.exists(folder / mark) for mark in marks)


def _main_checkout(folder: Path) -> Path:
    """Return the main checkout of a linked worktree; else `folder` itself.

    The `.git` file of a linked worktree names `<main checkout>/.git/worktrees/<name>`. The content
    of that folder is not read: agents may write to it.

    Source: gitrepository-layout(5).
    """
    git_folder = git_folders.of(folder)
    if git_folder is None or ("", "", *git_folder.parts)[-3:-1] != (GIT, "worktrees"):
        return folder
    return Path(os.path.realpath(git_folder.parents[2]))


def _require_main_checkout(root: Path) -> None:
    git_folder = git_folders.of(root)
    if git_folder is None:
        return
    # The git folder of a submodule named `worktrees/x` has such a path too, but no such file.
    if git_folder.parent.name == "worktrees" and os.path.isfile(git_folder / "commondir"):
        raise _no_main_checkout(root, git_folder.parents[1])
    if _is_bare(git_folder) or _has_checkout_elsewhere(root, git_folder):
        raise _no_main_checkout(root, git_folder)


def _is_bare(git_folder: Path) -> bool:
    said = git_folders.core_settings(git_folder).get("bare", "=false")
    # A name without a value means true.
    value = re.split("[#;]", said)[0].strip().lower()
    return not value or value.lstrip("= \t").strip('"') in _TRUE


def _has_checkout_elsewhere(root: Path, git_folder: Path) -> bool:
    said = git_folders.core_settings(git_folder).get("worktree", "")
    # A quoted value is not parsed here: git refuses a wrong one later.
    if not said.startswith("=") or set(said) & set('"\\#;\0'):
        return False
    return os.path.realpath(git_folder / said[1:].strip()) != os.path.realpath(root)


def _no_main_checkout(place: Path, git_folder: Path) -> MissionNotFound:
    kind = (
        "the bare repository" if _is_bare(git_folder) else "a repository with a checkout elsewhere,"
    )
    clone = shlex.join(["git", "clone", str(git_folder), str(git_folder.parent / CLONE)])
    return MissionNotFound(
        f"{place} belongs to {kind} {git_folder}; spec-kitty works in a main checkout, which contains"
        f" its own .git folder: run it there, or make one with: {clone}"
    )
