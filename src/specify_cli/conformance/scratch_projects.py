"""Scratch projects under git: each fixture project is made once, and copied for every use."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

from specify_cli.conformance.documents import CONTRACT
from specify_cli.conformance.programs import git

MAIN = "main"


def commit_all(folder: Path, message: str) -> None:
    """Everything in the folder is committed."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


@dataclass(frozen=True, slots=True)
class ScratchProjects:
    """Makes projects in `folder`; `made` are those that can be copied."""

    folder: Path
    templates: dict[str, Path] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def project(self, name: str, target: Path) -> Path:
        """A fresh copy at `target` of the fixture project of that name, under git."""
        shutil.copytree(self.template(name), target, symlinks=True)
        return target.resolve()

    def template(self, name: str) -> Path:
        """The one that is copied; it is not to be changed."""
        with self.lock:
            if name not in self.templates:
                self.templates[name] = self._make(name)
            return self.templates[name]

    def _make(self, name: str) -> Path:
        root = self.folder / name
        shutil.copytree(CONTRACT.folder / "fixtures" / "projects" / name, root)
        git(root, "init", "--quiet", f"--initial-branch={MAIN}")
        commit_all(root, "the project as it was found")
        return root
