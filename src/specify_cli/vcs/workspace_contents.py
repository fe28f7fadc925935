"""Fill the private folder of a workspace: objects, files, hooks and configuration."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

from specify_cli.files.regular_files import read_file
from specify_cli.vcs import lfs, lfs_pointers
from specify_cli.vcs import workspace_settings as settings_of
from specify_cli.vcs.git import Git
from specify_cli.vcs.workspace_objects import ProjectObjects, begin, copy, share
from specify_cli.vcs.workspace_settings import ProjectSettings
from specify_cli.vcs.workspace_spec import Objects, WorkspaceSpec

MOST_COPIED: Final = 1024 * 1024
"""The largest hook, or file of `.git/info`, that is copied."""

_INFO: Final = ("attributes", "exclude", "sparse-checkout")


def fill(
    git: Git,
    spec: WorkspaceSpec,
    path: Path,
    *,
    project: ProjectObjects,
    settings: ProjectSettings,
) -> list[str]:
    """Fill the new folder `path` with the workspace; return the hooks that were left out.

    Raises:
        AllocationFailed: the project lacks objects.
        GitFailed, OSError: git or the disk refused.
    """
    git_dir = path / ".git"
    begin(git_dir, branch=spec.branch, settings=project.format_settings())
    if spec.objects is Objects.SHARED:
        share(project, git_dir, final_path=spec.path / ".git", settings=settings)
    else:
        copy(project, git, git_dir, commits=spec.refs.values(), settings=settings)
    # Refs follow the objects, else git would miss those.
    refs = "".join(f"{commit} {name}\n" for name, commit in sorted(spec.refs.items()))
    header = "# pack-refs with: peeled fully-peeled sorted \n"
    (git_dir / "packed-refs").write_bytes(os.fsencode(header + refs))
    _check_out(git, project, spec, path=path, filters=settings.filters)
    if lfs.FILTER in settings.filters:
        # Also where objects are shared: git-lfs does not push objects that only `alternates` lead to.
        pointers = lfs_pointers.in_tree(git, spec.commit)
        lfs.Storage.of(git, project.common).give(pointers, git_dir / "lfs")
    has_hooks = _has_hooks(spec, settings, root=git.folder, common=project.common)
    left_out = _copy_files(project.common, git_dir, hooks=has_hooks)
    # Written last, so that no git of the host ever reads it.
    _configure(git, spec, git_dir, project=project, settings=settings)
    if spec.owner is not None:
        # The working files have that owner already; setting it again would change the ctime that
        # the index holds.
        _give(git_dir, spec.owner)
    return left_out


def _check_out(
    git: Git, project: ProjectObjects, spec: WorkspaceSpec, *, path: Path, filters: frozenset[str]
) -> None:
    """Check out files and index as the project's own configuration says.

    Git runs with the project's git folder, so that no setting of the workspace applies.
    """
    barred = filters - spec.filters if spec.filters is not None else frozenset()
    location = {
        "GIT_DIR": str(project.common),
        "GIT_WORK_TREE": str(path),
        "GIT_INDEX_FILE": str(path / ".git" / "index"),
    }
    # Both would put files into the project's git folder.
    flags = ["core.splitIndex=false", "core.untrackedCache=false"]
    flags += [
        f"filter.{name}.{key}=" for name in sorted(barred) for key in ("clean", "smudge", "process")
    ]
    flags += [f"filter.{name}.required=false" for name in sorted(barred)]
    overrides = (*git.overrides, *(word for flag in flags for word in ("-c", flag)))
    there = replace(git, folder=path, location=location, overrides=overrides)
    there.run("read-tree", "--reset", "-u", spec.commit)
    if spec.owner is not None:
        _give(path, spec.owner)
        # The index holds the owner of files, too.
        there.run("update-index", "-q", "--refresh")


def _give(folder: Path, owner: int) -> None:
    """Give the folder and everything below it to that user; no other user can have put a link there."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files, "."):
            os.chown(Path(parent, name), owner, -1, follow_symlinks=False)


def _has_hooks(spec: WorkspaceSpec, settings: ProjectSettings, *, root: Path, common: Path) -> bool:
    """Return whether the hooks of the git folder run in the project and are to run in the workspace."""
    path = settings.hooks_path
    return spec.has_hooks and (not path or (root / path).resolve() == (common / "hooks").resolve())


def _copy_files(common: Path, git_dir: Path, *, hooks: bool) -> list[str]:
    """Copy the hooks and `info` files of the project; return the hooks that were left out.

    A link is copied as a link: only the agent follows it.
    """
    for name in _INFO:
        _copy(common / "info" / name, git_dir / "info" / name)
    folder = common / "hooks"
    if not hooks or folder.is_symlink() or not folder.is_dir():
        return []
    found = sorted(it for it in folder.iterdir() if it.suffix != ".sample")
    return [hook.name for hook in found if not _copy(hook, git_dir / "hooks" / hook.name)]


def _copy(file: Path, target: Path) -> bool:
    """Copy a small regular file, or a link as it is; return whether that was done."""
    try:
        if file.is_symlink():
            target.symlink_to(file.readlink())
            return True
        content = read_file(file, max_bytes=MOST_COPIED)
        mode = file.lstat().st_mode
    except OSError:
        return False
    target.write_bytes(content)
    target.chmod(stat.S_IMODE(mode) & 0o755)
    return True


def _configure(
    git: Git,
    spec: WorkspaceSpec,
    git_dir: Path,
    *,
    project: ProjectObjects,
    settings: ProjectSettings,
) -> None:
    # Relative, so that the project can be moved as a whole.
    url = os.path.relpath(spec.mirror, spec.path)
    is_partial = spec.objects is Objects.SHARED and settings.promisor is not None
    own = settings_of.taken_over(settings, git, is_partial=is_partial)
    if not spec.has_hooks:
        own = [it for it in own if it.key != "core.hookspath"]
    mirror = settings_of.of_mirror(
        url, branch=spec.branch, upstream=spec.upstream, branches=spec.branches
    )
    modules = settings_of.submodules(git, spec.commit, own)
    every = [
        *project.format_settings(is_partial=is_partial),
        *own,
        *modules,
        *mirror,
        *settings_of.push_default(own),
    ]
    (git_dir / "config").write_bytes(settings_of.text_of(every))
