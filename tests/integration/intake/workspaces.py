"""A project, and a workspace in which an agent may do anything."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from specify_cli.vcs import commit_intake, scratch_repository
from specify_cli.vcs.commit_intake import IntakeLimits, IntakeRefused, IntakeSource
from specify_cli.vcs.repository import Repository

BRANCH = "kitty/mission-demo-lane-a"


def git(at: Path, *args: str, data: bytes | None = None) -> str:
    done = subprocess.run(
        ["git", "-C", str(at), *args], check=True, capture_output=True, input=data
    )
    return os.fsdecode(done.stdout).strip()


def commit(at: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (at / name).parent.mkdir(parents=True, exist_ok=True)
        (at / name).write_text(content)
    git(at, "add", "--force", "--all")
    git(at, "commit", "-q", "-m", f"change {', '.join(files)!a}")
    return git(at, "rev-parse", "HEAD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A project and a workspace in a folder of their own."""

    root: Path
    form: str = "sha1"
    bounds: IntakeLimits = field(default_factory=IntakeLimits)

    @classmethod
    def make(cls, root: Path, *, form: str = "sha1") -> Scene:
        scene = cls(root=root.resolve(), form=form)
        git(root, "init", "-q", "-b", "main", f"--object-format={form}", str(scene.project))
        base = commit(scene.project, {"a.txt": "a\n", "docs/b.txt": "b\n"})
        scene.clone(base)
        return scene

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def git_dir(self) -> Path:
        return self.workspace / ".git"

    @property
    def repo(self) -> Repository:
        return Repository(root=self.project)

    @property
    def base(self) -> str:
        return git(self.project, "rev-parse", "main")

    @property
    def source(self) -> IntakeSource:
        return IntakeSource(workspace=self.workspace, branch=BRANCH, base=self.base)

    def clone(self, base: str) -> None:
        form = f"--object-format={self.form}"
        git(self.root, "init", "-q", "-b", BRANCH, form, str(self.workspace))
        git(self.workspace, "fetch", "-q", str(self.project), "main")
        git(self.workspace, "reset", "-q", "--hard", base)

    def work(self, files: dict[str, str]) -> str:
        """Commit the files as the agent."""
        return commit(self.workspace, files)

    def take(self, bounds: IntakeLimits | None = None) -> str:
        """Take the commits in as the host; return the last one."""
        with commit_intake.fetched_commits(
            self.repo, self.source, bounds=bounds or self.bounds
        ) as found:
            found.move_in(self.repo)
        return found.tip

    def tip(self) -> str:
        """The commit of the project's branch, or "" without one."""
        return git(self.project, "for-each-ref", "--format=%(objectname)", f"refs/heads/{BRANCH}")

    def has(self, oid: str) -> bool:
        """Whether the project has the object."""
        command = ["git", "-C", str(self.project), "cat-file", "-e", oid]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def plant_tree(self, *entries: tuple[str, bytes, str], message: str = "odd") -> str:
        """A commit on top of the branch whose tree has exactly these entries."""
        content = b"".join(
            mode.encode() + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in entries
        )
        write = ("hash-object", "-w", "-t", "tree", "--literally", "--stdin")
        tree = git(self.workspace, *write, data=content)
        tip = git(self.workspace, "commit-tree", "-p", "HEAD", "-m", message, tree)
        git(self.workspace, "update-ref", f"refs/heads/{BRANCH}", tip)
        return tip

    def plant_depth(self, depth: int, name: bytes) -> str:
        """A commit on top of the branch with a folder in a folder in a folder."""
        made = bytes.fromhex(self.blob())
        mode = b"100644"
        for _ in range(depth):
            content = mode + b" " + name + b"\0" + made
            whole = b"tree %d\0" % len(content) + content
            made, mode = hashlib.sha1(whole).digest(), b"40000"
            file = self.git_dir / "objects" / made.hex()[:2] / made.hex()[2:]
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(zlib.compress(whole))
        return self.plant_tree(("40000", name, made.hex()))

    def blob(self, content: bytes = b"x\n") -> str:
        return git(self.workspace, "hash-object", "-w", "--stdin", data=content)

    def contents(self) -> dict[str, bytes]:
        """All files of the project."""
        files: Iterable[Path] = sorted(it for it in self.project.rglob("*") if it.is_file())
        return {str(it.relative_to(self.project)): it.read_bytes() for it in files}


def refusal(scene: Scene, bounds: IntakeLimits | None = None) -> IntakeRefused:
    """Return the refusal of an intake; check that it has changed nothing."""
    before = scene.contents()
    with pytest.raises(IntakeRefused) as caught:
        scene.take(bounds)
    assert scene.contents() == before
    assert not any((scene.project / ".git" / scratch_repository.FOLDER).glob("*"))
    return caught.value


def readers_of(workspace: Path) -> list[str]:
    """The command lines of all processes that name the git folder of the workspace."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(workspace / ".git") in words:
                found.append(words.decode())
    return found
