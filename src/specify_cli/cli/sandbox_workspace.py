"""The checks of `doctor --sandbox` for a workspace: what an agent needs, and must not reach."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from specify_cli.cli import sandbox_walls
from specify_cli.cli.sandbox_finding import NO, OK, WARN, Finding
from specify_cli.cli.sandbox_folders import belonging, git, owner_of, probe, room_of
from specify_cli.cli.sandbox_mounts import Mount, all_mounts, mount_of, project_behind

MOST_BYTES = 1 << 20
OF_PROJECTS = (".worktrees", ".kitty", "kitty-specs", ".kittify")


def all_of(workspace: Path) -> Iterator[Finding]:
    """Yield the findings for a workspace, or for a folder taken for one."""
    settings = _settings(workspace / ".git" / "config")
    has_repository = (workspace / ".git").is_dir()
    mounts = all_mounts()
    if has_repository and not _is_workspace(workspace, settings):
        yield _no_workspace(workspace)
        yield from _surroundings([workspace], mounts)
        return
    yield _kind(workspace)
    if has_repository:
        yield _writable(workspace)
        yield room_of(workspace)
        url = settings.get("remote.project.url")
        mirror = Path(os.path.normpath(workspace / url)) if url else None
        yield _objects(workspace / ".git" / "objects", *([mirror / "objects"] if mirror else []))
        yield _mirror(mirror, workspace)
        yield _identity(workspace, settings)
    behind = project_behind(workspace, mounts, below=".worktrees")
    yield _workspaces(workspace, mounts)
    yield from _surroundings(sorted({workspace.parent.parent, *behind}), mounts)


def _surroundings(projects: list[Path], mounts: list[Mount]) -> Iterator[Finding]:
    yield from sandbox_walls.confinement()
    yield sandbox_walls.repository(projects, mounts)
    yield _host(projects)
    yield sandbox_walls.network()
    yield sandbox_walls.home()
    yield git(missing=NO)


def _is_workspace(folder: Path, settings: Mapping[str, str]) -> bool:
    """Return whether the host probably created the folder, maybe bound under another name."""
    if folder.parent.name == ".worktrees":
        return True
    is_made = "remote.project.url" in settings or "-lane-" in folder.name
    return is_made and not os.path.lexists(folder / ".worktrees")


def _no_workspace(folder: Path) -> Finding:
    is_project = any(os.path.lexists(folder / it) for it in OF_PROJECTS)
    kind = "the project" if is_project else "a repository"
    what = f"{folder} is {kind}, not a workspace; a workspace is a folder PROJECT/.worktrees/MISSION-lane-..."
    repair = "start the agent, and this, in a sandbox that has the workspace_path of the answer"
    return Finding("workspace", NO, what, repair=repair)


def _kind(workspace: Path) -> Finding:
    own = workspace / ".git"
    if own.is_dir() and not own.is_symlink():
        return Finding("workspace", OK, f"{workspace} is a repository of its own")
    if own.is_file():
        what = f"{workspace} is a linked worktree, a part of the project's own repository"
        repair = "finish its package without a sandbox; the next start in its execution lane makes a workspace"
        return Finding("workspace", NO, what, repair=repair)
    what = f"{workspace} is not a workspace"
    return Finding("workspace", NO, what, repair="bind the workspace_path of the answer, writable")


def _writable(workspace: Path) -> Finding:
    try:
        owner, _ = probe(workspace)
        probe(workspace / ".git")
    except OSError as error:
        return _not_writable(workspace, error)
    return Finding("writable", OK, belonging(owner, workspace))


def _not_writable(workspace: Path, error: OSError) -> Finding:
    owner = owner_of(workspace)
    what = f"{workspace} is not writable: {error.strerror}"
    repair = "bind it writable"
    if owner is None:
        what += "; its owner is not visible in this sandbox"
    elif owner != os.geteuid():
        what += f"; it belongs to uid {owner} as seen here"
    if owner != os.geteuid():
        repair += ", and start the sandbox as the owner of the folder"
    return Finding("writable", NO, what, repair=repair)


def _objects(*folders: Path) -> Finding:
    """Check for git objects that the workspace or the mirror borrows."""
    named = [objects / line for objects in folders for line in _borrowed(objects)]
    if not named:
        return Finding("objects", OK, "it has its own objects")
    repair = (
        'write workspace_objects = "copy" at the top of .kitty/config.toml, run'
        " 'spec-kitty mailbox reload', move this workspace away, and start its package again"
    )
    missing = [it for it in named if not it.is_dir()]
    if missing:
        what = f"it shares objects that are not here: {os.path.normpath(missing[0])}"
        return Finding("objects", NO, what, repair=repair)
    what = "it shares objects with the project: every branch and stash of it can be read from here"
    return Finding("objects", WARN, what, repair=repair)


def _borrowed(objects: Path) -> list[str]:
    lines = _text(objects / "info" / "alternates").splitlines()
    return [line for line in lines if line[:1] not in ("", "#")]


def _mirror(mirror: Path | None, workspace: Path) -> Finding:
    if mirror is None:
        what = "the remote project is missing: newer work cannot be fetched"
        mission = workspace.name.rpartition("-lane-")[0]
        repair = f"git remote add project {shlex.quote(f'../.mirror/{mission}.git')}"
        return Finding("mirror", WARN, what, repair=repair)
    at = shlex.quote(str(mirror))
    if not os.access(mirror / "objects", os.R_OK | os.X_OK):
        what = f"the mirror is not readable, so newer work cannot be fetched: {mirror}"
        repair = f"give bubblewrap --ro-bind {at} {at}, and give the user who starts this sandbox read permission"
        return Finding("mirror", WARN, what, repair=repair)
    if os.access(mirror, os.W_OK):
        what = "the mirror is writable: other agents would fetch what this one wrote there"
        return Finding("mirror", WARN, what, repair=f"give bubblewrap --ro-bind {at} {at}")
    if mirror.stat().st_uid != os.geteuid() and not _trusted():
        what = f"git does not fetch from {mirror}: it belongs to another user"
        # git 2.39 compares the path as the remote URL has it, which is relative.
        repair = "git config --global --add safe.directory '*'"
        return Finding("mirror", WARN, what, repair=repair)
    return Finding("mirror", OK, f"git fetch project reads {mirror}")


def _identity(workspace: Path, own: Mapping[str, str]) -> Finding:
    known: dict[str, str] = {}
    for file in (*_settings_files(), workspace / ".git" / "config"):
        known |= _settings(file)
    named = os.environ.get("GIT_AUTHOR_NAME") or known.get("user.name")
    email = os.environ.get("GIT_AUTHOR_EMAIL") or known.get("user.email") or os.environ.get("EMAIL")
    if named and email:
        return Finding("identity", OK, f"commits are by {named} <{email}>")
    repair = "git config user.name agent && git config user.email agent@localhost"
    what = "there is no name and email for commits, so git may refuse to commit"
    return Finding("identity", WARN, what, repair=repair)


def _workspaces(workspace: Path, mounts: list[Mount]) -> Finding:
    own = mount_of(workspace, mounts)
    if own is not None and own.point != workspace and workspace.is_relative_to(own.point):
        around = sandbox_walls.folder_of_workspaces(workspace.parent, mounts)
        if around.repair:
            return around
    try:
        beside = [it for it in workspace.parent.iterdir() if not it.name.startswith(".")]
    except OSError:
        beside = []
    others = sorted(it.name for it in beside if it != workspace and os.access(it, os.X_OK))
    if others:
        what = f"others can be reached: {', '.join(others[:5])}"
        return Finding("workspaces", WARN, what, repair=f"bind {workspace} alone")
    return Finding("workspaces", OK, "no other workspace can be reached")


def _host(projects: list[Path]) -> Finding:
    places = [project / ".kitty" for project in projects]
    found = next((it for it in places if os.access(it, os.X_OK)), None)
    if found is None:
        return Finding("host", OK, "mailboxes and the host's own folder cannot be reached")
    what = f"mailboxes and the host's own folder can be reached: {found}"
    return Finding("host", WARN, what, repair=f"do not bind {found}")


def _trusted() -> bool:
    """Return whether the agent's git settings trust repositories of another user."""
    return any(_settings(file).get("safe.directory") for file in _settings_files())


def _settings_files() -> list[Path]:
    home = Path(os.environ.get("HOME") or "/")
    more = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [Path("/etc/gitconfig"), more / "git" / "config", home / ".gitconfig"]


def _settings(file: Path) -> dict[str, str]:
    """Parse a git configuration file; values on several lines are not supported."""
    found: dict[str, str] = {}
    section = ""
    for line in map(str.strip, _text(file).splitlines()):
        if line.startswith("["):
            name, _, rest = line.strip("[]").partition(" ")
            sub = rest.strip().strip('"')
            section = f"{name.lower()}.{sub}" if sub else name.lower()
        elif line[:1] not in ("", "#", ";"):
            key, _, value = line.partition("=")
            found[f"{section}.{key.strip().lower()}"] = value.strip().strip('"')
    return found


def _text(file: Path) -> str:
    """Read a small regular file; empty if there is none."""
    try:
        if not file.is_file() or file.stat().st_size > MOST_BYTES:
            return ""
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
