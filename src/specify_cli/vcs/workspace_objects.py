"""Give a workspace the objects of its project: all of them shared, or its own history copied."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from specify_cli.files.regular_files import opened_below, read_file
from specify_cli.vcs import lfs
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.git import Git
from specify_cli.vcs.workspace_settings import ProjectSettings, Setting, text_of

ALTERNATES: Final = "objects/info/alternates"
MAX_SHALLOW_BYTES: Final = 16 * 1024 * 1024

_FETCHING: Final = (
    *("-c", "fetch.unpackLimit=1"),
    *("-c", "fetch.writeCommitGraph=false"),
    # Older protocols list every ref first.
    *("-c", "protocol.version=2"),
    *("-c", "protocol.file.allow=always"),
)
_QUIETLY: Final = (
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--recurse-submodules=no",
    "--update-shallow",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectObjects:
    """The git folder of a project, and its object format."""

    common: Path
    format: str
    is_shallow: bool

    @classmethod
    def of(cls, git: Git) -> ProjectObjects:
        """Ask git for the object folder and format of the project.

        Raises:
            GitFailed: git will not work in it.
        """
        asked = ("--git-common-dir", "--show-object-format", "--is-shallow-repository")
        output = git.text("rev-parse", "--path-format=absolute", *asked).rsplit("\n", 2)
        return cls(common=Path(output[0]), format=output[1], is_shallow=output[2] == "true")

    def shallow(self) -> bytes:
        """Return the content of git's `shallow` file: commits whose parents are missing.

        Raises:
            OSError: it cannot be read.
        """
        if not self.is_shallow:
            return b""
        return read_file(self.common / "shallow", max_bytes=MAX_SHALLOW_BYTES)

    def format_settings(self, *, is_bare: bool = False, is_partial: bool = False) -> list[Setting]:
        """Return the settings that git requires of a repository of this format."""
        is_other = self.format != "sha1"
        version = "1" if is_other or is_partial else "0"
        named = [Setting(key="extensions.objectformat", value=self.format)] if is_other else []
        return [
            Setting(key="core.repositoryformatversion", value=version),
            Setting(key="core.bare", value="true" if is_bare else "false"),
            Setting(key="core.logallrefupdates", value="false" if is_bare else "true"),
            *named,
        ]


def begin(git_dir: Path, *, branch: str, settings: Iterable[Setting]) -> None:
    """Create an empty repository in a new folder. Source: gitrepository-layout(5).

    Raises:
        OSError: the disk refused.
    """
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info", "hooks"):
        (git_dir / folder).mkdir(parents=True)
    (git_dir / "config").write_bytes(text_of(settings))
    (git_dir / "HEAD").write_bytes(os.fsencode(f"ref: refs/heads/{branch}\n"))


def share(
    project: ProjectObjects, git_dir: Path, *, final_path: Path, settings: ProjectSettings
) -> None:
    """Let the repository, whose git folder will be at `final_path`, use every object of the project.

    Raises:
        AllocationFailed: the path of the project cannot be written in `alternates`.
        OSError: the disk refused.
    """
    for name, content in borrowing(project, final_path=final_path, settings=settings).items():
        if content:
            (git_dir / name).write_bytes(content)


def borrowing(
    project: ProjectObjects, *, final_path: Path, settings: ProjectSettings
) -> dict[str, bytes]:
    """Return the files by which the git folder at `final_path` uses the project's objects.

    Raises:
        AllocationFailed: the path of the project cannot be written in `alternates`.
        OSError: the disk refused.
    """
    objects = Path(os.path.realpath(final_path.parent), final_path.name, "objects")
    there = os.path.realpath(project.common / "objects")
    # The relative path lets the project be moved as a whole. Git-lfs resolves it against the
    # current folder and needs the absolute one; git ignores duplicates.
    paths = [os.path.relpath(there, objects), *([there] if lfs.FILTER in settings.filters else [])]
    if any("\n" in path for path in paths):
        raise AllocationFailed(f"{there!a}: objects in such a folder cannot be shared; copy them")
    text = "".join(f"{path}\n" for path in paths)
    return {ALTERNATES: os.fsencode(text), "shallow": project.shallow()}


def alternates_after_move(common: Path, workspace: Path) -> bytes | None:
    """Return what `alternates` of a workspace should be, if it still names the former path of the project.

    None if it is as it should be, or is not what the host wrote.
    """
    there = os.path.realpath(common / "objects")
    here = os.path.relpath(there, f"{os.path.realpath(workspace)}/.git/objects")
    try:
        with opened_below(workspace, (".git", *ALTERNATES.split("/"))) as file:
            lines = os.fsdecode(file.read(MAX_SHALLOW_BYTES)).splitlines()
    except OSError:
        return None
    if len(lines) != 2 or lines[0] != here or lines[1] == there:
        return None
    return os.fsencode(f"{here}\n{there}\n")


def copy(
    project: ProjectObjects,
    git: Git,
    git_dir: Path,
    *,
    commits: Iterable[str],
    settings: ProjectSettings,
) -> None:
    """Copy all objects that the commits reach, and no others, into the repository.

    Raises:
        AllocationFailed: the project itself lacks some of it.
        GitFailed: git refused.
    """
    wanted = list(dict.fromkeys(commits))
    if settings.promisor:
        args = ("rev-list", "--objects", "--missing=print", "--stdin")
        output = git.run(*args, input="".join(f"{commit}\n" for commit in wanted).encode())
        missing = [line for line in output.stdout.splitlines() if line.startswith(b"?")]
        if missing:
            text = (
                f"the project is a partial clone without {len(missing)} of the objects that a copy needs; fetch"
                f" them (git fetch --refetch --no-filter {settings.promisor}), or share objects with workspaces"
            )
            raise AllocationFailed(text, code="partial_clone")
    location = {"GIT_DIR": str(git_dir), "GIT_NO_LAZY_FETCH": "1"}
    there = replace(git, folder=git_dir, location=location, overrides=(*git.overrides, *_FETCHING))
    there.run("fetch", *_QUIETLY, str(project.common), *wanted)
