"""A mission in each kind of project, from `init` to `merge`, by the commands for people."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from specify_cli.vcs.workspaces import Objects
from tests.campaign import sampled
from tests.integration.workspace_kinds.projects import KINDS, NEEDS, is_possible
from tests.patience import LONGEST_S

TASKS = """
## WP01 One

Owned files: **

Do it.

## WP02 Two

Dependencies: WP01
Owned files: **

Do more.
"""
SLUG = "001-story"


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person who runs commands."""

    at: Path

    def host(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "specify_cli", *words],
            cwd=self.at,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=LONGEST_S,
        )
        text = done.stdout + done.stderr
        print("$ spec-kitty", *words, "\n", text, sep=" ")
        assert done.returncode == 0, (words, text)
        return text

    def git(self, *words: str, at: Path | None = None) -> str:
        command = ["git", "-C", str(at or self.at), *words]
        done = subprocess.run(command, check=False, capture_output=True, timeout=LONGEST_S)
        assert done.returncode == 0, (words, done.stderr)
        return os.fsdecode(done.stdout).strip()

    def work(self, package: str, files: dict[str, bytes], *more: str) -> str:
        """Take the package from its start to its approval; return the commit."""
        self.host("implement", package, *more)
        workspace = self.at / ".worktrees" / f"{SLUG}-lane-a"
        for path, content in files.items():
            (workspace / path).parent.mkdir(exist_ok=True)
            (workspace / path).write_bytes(content)
        self.git("add", "--all", at=workspace)
        self.git("commit", "-q", "-m", package, at=workspace)
        told = self.host("implement", package, "--done", *more)
        assert "not committed" not in told
        commit = self.git("rev-parse", "HEAD", at=workspace)
        self.host("review", package, *more)
        self.host("review", package, "--approve", "--commit", commit, *more)
        return commit


# Git-lfs first: the build runs only the first of them.
EVERY = [
    (name, objects)
    for name in sorted(KINDS, key=lambda it: it != "lfs")
    for objects in (Objects.COPIED, Objects.SHARED)
]


@pytest.mark.parametrize(("name", "objects"), sampled(EVERY, every=len(EVERY)))
def test_mission_is_taken_from_init_to_merge(tmp_path: Path, name: str, objects: Objects) -> None:
    if not is_possible(name):
        pytest.skip(f"{NEEDS[name]} is not installed")
    kind = KINDS[name](tmp_path)
    if objects not in kind.objects:
        pytest.skip("this kind of project does not support this way to get objects")
    project = kind.project
    ada = Person(at=project.root)
    ada.host("init")
    (project.root / ".kitty").mkdir(exist_ok=True)
    (project.root / ".kitty" / "config.toml").write_text(f'workspace_objects = "{objects.value}"\n')
    ada.host("specify", "Story")
    ada.host("plan")
    with (project.root / "kitty-specs" / SLUG / "tasks.md").open("a") as tasks:
        tasks.write(TASKS)
    ada.host("tasks")
    work = {path: content.encode() for path, content in kind.work.items()}
    one = ada.work("WP01", work)
    two = ada.work("WP02", {path: content * 2 for path, content in work.items()})
    assert ada.git("merge-base", one, two) == one
    ada.host("accept")
    ada.host("merge")
    ada.git("merge-base", "--is-ancestor", two, "main")
    assert not (project.root / ".worktrees" / f"{SLUG}-lane-a").exists()
    assert ada.git("status", "--porcelain") == ""
    for path, content in work.items():
        assert (project.root / path).read_bytes() == content * 2
    assert project.git("fsck", "--strict", "--no-dangling") == ""
    shutil.rmtree(project.root / ".worktrees", ignore_errors=True)
