"""What a hostile agent plants in its workspace, and what must hold afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from specify_cli.vcs import commit_intake, uncommitted_changes
from specify_cli.vcs.commit_intake import IntakeLimits, IntakeRefused
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.sandbox import Sandbox
from specify_cli.vcs.uncommitted_changes import WorkspaceUnreadable
from tests.integration.intake.workspaces import BRANCH, Scene, commit, git
from tests.patience import LONGEST_S

SECRET = "sesame-4711"
DEADLINE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A project and workspace, and beside them files of the user that no agent may touch."""

    scene: Scene
    is_sandboxed: bool = True

    @classmethod
    def make(cls, root: Path) -> World:
        scene = Scene.make(root)
        scene.work({"packed.txt": "packed\n"})
        git(scene.workspace, "repack", "-q", "-a", "-d")
        scene.work({"loose.txt": "loose\n"})
        world = cls(scene=scene)
        git(root, "init", "-q", "-b", "main", str(world.victim))
        # Its history continues the project's, so that its commits could pass for the agent's.
        git(world.victim, "fetch", "-q", str(scene.project), "main")
        git(world.victim, "reset", "-q", "--hard", scene.base)
        commit(world.victim, {"secret.txt": SECRET})
        world.secret.write_text(SECRET)
        world.evil.write_text(f"#!/bin/sh\necho ran >'{world.mark}'\ncat\n")
        world.evil.chmod(0o755)
        return world

    def copy(self, root: Path, *, is_sandboxed: bool = True) -> World:
        """A copy in another folder, where the agent's program leaves its mark."""
        shutil.copytree(self.scene.root, root, symlinks=True)
        made = World(scene=Scene(root=root.resolve()), is_sandboxed=is_sandboxed)
        made.evil.write_text(f"#!/bin/sh\necho ran >'{made.mark}'\ncat\n")
        return made

    @property
    def victim(self) -> Path:
        """Another repository of the user."""
        return self.scene.root / "victim"

    @property
    def secret(self) -> Path:
        return self.scene.root / "secret"

    @property
    def evil(self) -> Path:
        """The agent's program."""
        return self.scene.workspace / "evil.sh"

    @property
    def mark(self) -> Path:
        """The file that this program creates if it runs."""
        return self.scene.root / "mark"

    @property
    def victims_commit(self) -> str:
        return git(self.victim, "rev-parse", "HEAD")

    def outcome(self, act: Callable[[World], str]) -> str:
        """Run `act`; check that no program of the agent ran and nothing outside was read or written."""
        outside, refs = _seen(self.victim), git(self.scene.project, "for-each-ref")
        files = {path: it for path, it in _seen(self.scene.project).items() if _is_fixed(path)}
        started = time.monotonic()
        with self._reading():
            outcome, said = _attempt(act, self)
        # On a busy machine ending processes takes a while; it must not take for ever.
        assert time.monotonic() - started < DEADLINE_S + LONGEST_S / 10
        assert not self.mark.exists()
        assert SECRET not in said
        assert _seen(self.victim) == outside
        assert self.secret.read_text() == SECRET
        after = {path: it for path, it in _seen(self.scene.project).items() if _is_fixed(path)}
        assert after == files
        if outcome != "taken":
            assert git(self.scene.project, "for-each-ref") == refs
        assert not any((self.scene.project / ".git/spec-kitty-scratch").glob("*"))
        if self.is_sandboxed:
            assert not self.stolen()
        git(self.scene.project, "fsck", "--strict", "--no-dangling")
        return outcome

    def stolen(self) -> list[str]:
        """The victim's objects that the project has."""
        names = ("HEAD", "HEAD^{tree}", "HEAD:secret.txt")
        theirs = [git(self.victim, "rev-parse", name) for name in names]
        return [oid for oid in theirs if self.scene.has(oid)]

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Skip the first check, as if the attack was planted right after it."""
        with pytest.MonkeyPatch.context() as host:
            host.setattr(commit_intake, "irregular_files", lambda *_, **__: [])
            if not self.is_sandboxed:
                for module in (commit_intake, uncommitted_changes):
                    host.setattr(module, "sandbox_for", lambda _: Sandbox(is_isolated=False))
            yield


def take(world: World) -> str:
    world.scene.take(IntakeLimits(seconds=DEADLINE_S))
    return "taken"


def look(world: World) -> str:
    scene = world.scene
    uncommitted_changes.uncommitted_changes(
        scene.repo, scene.workspace, commit=scene.base, seconds=DEADLINE_S
    )
    return "seen"


def _attempt(act: Callable[[World], str], world: World) -> tuple[str, str]:
    try:
        return act(world), ""
    except (IntakeRefused, WorkspaceUnreadable) as refused:
        return refused.code, refused.reason
    except GitFailed as failed:
        return "failed", str(failed)


def _seen(folder: Path) -> dict[str, tuple[float, int, bytes]]:
    found = {}
    for path in sorted(folder.rglob("*")):
        info = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(info.st_mode) else b""
        found[str(path.relative_to(folder))] = (info.st_mtime, info.st_mode, content)
    return found


def _is_fixed(path: str) -> bool:
    """Whether no intake may touch the path: not objects, branches, logs or scratch folders."""
    return path != ".git" and not path.startswith(
        (".git/objects", ".git/refs/heads", ".git/refs", ".git/logs", ".git/spec-kitty-scratch")
    )


# Kinds of files that may replace a file.


def _link(place: Path, world: World) -> None:
    place.symlink_to(world.secret)


def _link_to_nothing(place: Path, world: World) -> None:
    place.symlink_to(world.scene.root / "planted")


def _link_into_the_victim(place: Path, world: World) -> None:
    """A symlink to the same path in the victim's repository."""
    tail = place.relative_to(world.scene.workspace)
    place.symlink_to(world.victim / tail)


def _loop(place: Path, world: World) -> None:
    place.symlink_to(place)


def _fifo(place: Path, world: World) -> None:
    os.mkfifo(place)


def _socket(place: Path, world: World) -> None:
    here = Path.cwd()
    os.chdir(place.parent)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(place.name[:90])
    finally:
        os.chdir(here)


def _device(place: Path, world: World) -> None:
    try:
        os.mknod(place, stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(place)


def _folder(place: Path, world: World) -> None:
    place.mkdir()
    (place / "x").write_text("x")


def _huge(place: Path, world: World) -> None:
    with place.open("wb") as made:
        made.truncate(3 * 1024**3)


def _unreadable(place: Path, world: World) -> None:
    place.write_text("x\n")
    place.chmod(0)


def _nothing(place: Path, world: World) -> None:
    """Leave the path empty."""


KINDS: dict[str, Callable[[Path, World], None]] = {
    "link to a file": _link,
    "link into a repository": _link_into_the_victim,
    "link to nothing": _link_to_nothing,
    "link to itself": _loop,
    "FIFO": _fifo,
    "socket": _socket,
    "device": _device,
    "folder": _folder,
    "huge": _huge,
    "unreadable": _unreadable,
    "nothing": _nothing,
}

READ_OR_NOT = [
    ".git",
    *[
        f".git/{name}"
        for name in (
            "HEAD",
            "config",
            "config.worktree",
            "commondir",
            "gitdir",
            "description",
            "index",
            "FETCH_HEAD",
            "shallow",
            "packed-refs",
            "refs",
            "refs/heads",
            f"refs/heads/{BRANCH}",
            "refs/replace",
            "reftable",
            "logs",
            "objects",
            "objects/info",
            "objects/info/alternates",
            "objects/info/http-alternates",
            "objects/info/commit-graph",
            "objects/pack",
            "objects/pack/multi-pack-index",
            "worktrees",
            "worktrees/x",
            "hooks",
            "hooks/post-update",
            "info",
            "info/grafts",
            "info/exclude",
            "info/attributes",
            "info/sparse-checkout",
            "modules",
            "modules/x",
            ".gitattributes",
        )
    ],
    "a pack",
    "an index of a pack",
    "a loose object",
    "a folder of loose objects",
]

OF_THE_WORKING_TREE = [
    ".git",
    ".gitmodules",
    ".gitattributes",
    ".gitignore",
    ".mailmap",
    "docs",
    "docs/.gitattributes",
    "docs/.gitignore",
    "docs/.git",
    "a.txt",
]


def replace(world: World, place: str, kind: str) -> None:
    """Replace what is at the path with a file of that kind."""
    path = _path(world.scene, place)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[kind](path, world)


def _path(scene: Scene, place: str) -> Path:
    packs = scene.git_dir / "objects/pack"
    tip = git(scene.workspace, "rev-parse", BRANCH)
    loose = scene.git_dir / "objects" / tip[:2] / tip[2:]
    special = {
        "a pack": next(packs.glob("*.pack")),
        "an index of a pack": next(packs.glob("*.idx")),
        "a loose object": loose,
        "a folder of loose objects": loose.parent,
    }
    return special.get(place, scene.workspace / place)
