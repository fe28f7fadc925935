"""Helpers that create workspaces in projects of all kinds."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from specify_cli.files.identity import Identity, identity
from specify_cli.vcs.workspaces import MadeWorkspace, Objects, WorkspaceSpec, make
from tests.unit.vcs.conftest import MISSION, Project

LANE = f"{MISSION}-lane-a"
MIRROR = ".worktrees/.mirror/demo.git"
SHARED_AND_COPIED = pytest.mark.parametrize("objects", list(Objects))


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A workspace that was created, with the operations that tests need."""

    order: WorkspaceSpec
    made: MadeWorkspace

    @property
    def path(self) -> Path:
        return self.order.path

    def git(self, *args: str, check: bool = True) -> str:
        command = ["git", "-C", str(self.path), *args]
        done = subprocess.run(command, check=False, capture_output=True)
        assert not check or done.returncode == 0, (args, done.stderr)
        return os.fsdecode(done.stdout).strip()

    def commit(self, files: dict[str, str]) -> str:
        for name, content in files.items():
            (self.path / name).write_text(content)
        self.git("add", "--all")
        self.git("commit", "-q", "-m", "work")
        return self.git("rev-parse", "HEAD")


def order(project: Project, name: str = "demo-lane-a", **more: Any) -> WorkspaceSpec:
    commit = more.pop("commit", None) or project.git("rev-parse", "HEAD")
    branches = more.pop("branches", {"main": commit})
    return WorkspaceSpec(
        path=project.root / ".worktrees" / name,
        branch=LANE,
        commit=commit,
        upstream="main",
        branches=branches,
        mirror=project.root / MIRROR,
        **{"objects": Objects.COPIED, **more},
    )


def workspace(project: Project, name: str = "demo-lane-a", **more: Any) -> Workspace:
    wanted = order(project, name, **more)
    return Workspace(order=wanted, made=make(project.repo, wanted))


def remains(project: Project) -> list[str]:
    """The entries below `.worktrees`, without the folders that the host always keeps there."""
    below = project.root / ".worktrees"
    found = [str(it.relative_to(below)) for it in below.glob("*")]
    found += [str(it.relative_to(below)) for it in below.glob(".*/*")]
    kept = {".gitignore", ".making", ".mirror", ".trash", ".mirror/demo.git"}
    return sorted(set(found) - kept)


def pins(project: Project) -> list[str]:
    return project.git("for-each-ref", "--format=%(refname)", "refs/spec-kitty/").split()


def identity_of(folder: Path) -> Identity:
    """The identity of a folder that must exist."""
    found = identity(folder)
    assert found is not None
    return found


def identity_and_times(path: Path) -> tuple[int, ...]:
    """What changes with the entry; the access time is left out, as a read of a link changes it."""
    found = path.lstat()
    return found.st_mode, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
