"""Scratch repositories with real git, which ignores the configuration of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from specify_cli.vcs import lane_branches, renames
from specify_cli.vcs.lane_bases import StartParts
from specify_cli.vcs.lane_branches import LaneBranches
from specify_cli.vcs.merge import LaneTip
from specify_cli.vcs.repository import Repository

MISSION = "kitty/mission-demo"
LOG = "kitty-specs/demo/status.events.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneCheckout:
    """A linked worktree with the branch of an execution lane, which started at `base_ref`."""

    path: Path
    branch: str
    base_ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A repository as a user has it, with the operations that tests need."""

    root: Path

    @property
    def repo(self) -> Repository:
        return Repository(root=self.root)

    def git(self, *args: str, at: Path | None = None) -> str:
        command = ["git", "-C", str(at or self.root), *args]
        done = subprocess.run(command, check=True, capture_output=True)
        return os.fsdecode(done.stdout).strip()

    def write(self, path: str, content: str, at: Path | None = None) -> Path:
        file = (at or self.root) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
        return file

    def commit(self, files: dict[str, str | None], at: Path | None = None, **author: str) -> str:
        for path, content in files.items():
            if content is None:
                ((at or self.root) / path).unlink()
            else:
                self.write(path, content, at)
            self.git("add", "--force", "--all", "--", path, at=at)
        flags = [f"--{name}={value}" for name, value in author.items()]
        self.git("commit", "-q", "-m", f"change {', '.join(files)!a}", *flags, at=at)
        return self.git("rev-parse", "HEAD", at=at)

    def lane(self, name: str, *merge_in: str) -> LaneCheckout:
        commits = {other: self.git("rev-parse", f"{MISSION}-{other}") for other in merge_in}
        return self.lane_from(name, StartParts(goes_on=True, merge_in=commits))

    def lane_from(self, name: str, parts: StartParts) -> LaneCheckout:
        """Start the branch of the lane from these parts, and check it out in a linked worktree."""
        branch = f"{MISSION}-{name}"
        branches = LaneBranches.of(
            self.repo, lane=branch, mission=MISSION, target="main", origin=None
        )
        start = branches.start(self.repo, parts)
        path = self.root / ".worktrees" / f"demo-{name}"
        with lane_branches.lane_pointed(self.repo, branches, start.tip, leave=lambda commit: None):
            if not path.exists():
                self.write(".worktrees/.gitignore", "*\n")
                self.git("worktree", "add", "-q", str(path), branch)
        return LaneCheckout(path=path, branch=branch, base_ref=start.base)

    def lane_with(self, name: str, *commits: dict[str, str | None]) -> LaneTip:
        space = self.lane(name)
        for files in commits:
            self.commit(files, at=space.path)
        return self.tip(name)

    def tip(self, name: str) -> LaneTip:
        branch = f"{MISSION}-{name}"
        return LaneTip(lane_id=name, branch=branch, commit=self.git("rev-parse", branch))

    def show(self, commit: str, path: str) -> str:
        command = ["git", "-C", str(self.root), "show", f"{commit}:{path}"]
        return subprocess.run(command, check=True, capture_output=True).stdout.decode()

    def status(self, at: Path | None = None) -> list[str]:
        answer = self.git("status", "--porcelain", "-z", "--untracked-files=all", at=at)
        # `git` strips, so the first of two columns may be lost: put it back.
        entries = [entry for entry in answer.split("\0") if entry]
        return [entry if entry[2] == " " else f" {entry}" for entry in entries]

    def refs(self) -> str:
        return self.git("for-each-ref")


@pytest.fixture(autouse=True)
def _own_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")


@pytest.fixture(params=["in one step", "by two renames"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel with `renameat2`, and one without it."""
    if request.param == "by two renames":
        monkeypatch.setattr(renames, "_renameat2", lambda: None)


@pytest.fixture
def make_project(tmp_path: Path) -> Callable[[str], Project]:
    def make(name: str) -> Project:
        return _initialized(tmp_path.resolve() / name)

    return make


@pytest.fixture
def empty(make_project: Callable[[str], Project]) -> Project:
    return make_project("empty")


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of a project that is created once per process."""
    template = tmp_path_factory.getbasetemp() / "vcs-project"
    if not template.exists():
        made = _initialized(template)
        made.commit({"a.txt": "a\n", "b.txt": "b\n", "c.txt": "1\n2\n3\n4\n5\n", LOG: "one\n"})
    copy = Project(root=tmp_path.resolve() / "project")
    shutil.copytree(template, copy.root)
    # The copied files have new inodes and times, which the index must know.
    copy.git("update-index", "-q", "--refresh")
    return copy


def _initialized(root: Path) -> Project:
    root.mkdir(parents=True)
    project = Project(root=root)
    project.git("init", "-q", "-b", "main")
    return project
