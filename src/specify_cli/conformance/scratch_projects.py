"""Scratch projects under git: each fixture project is built once and copied for every use."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path

from specify_cli.conformance.documents import CONTRACT
from specify_cli.conformance.programs import git

MAIN = "main"


def commit_all(folder: Path, message: str) -> None:
    """Commit everything in the folder."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)


@dataclass(frozen=True, slots=True)
class ScratchProjects:
    """Builds templates in `folder` and copies them."""

    folder: Path
    templates: dict[str, Path] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def project(self, name: str, target: Path) -> Path:
        """Copy the fixture project of that name, under git, to `target`."""
        shutil.copytree(self.template(name), target, symlinks=True)
        return target.resolve()

    def template(self, name: str) -> Path:
        """Return the template, built on first use. Callers must not change it."""
        with self.lock:
            if name not in self.templates:
                root = self.folder / name
                shutil.copytree(CONTRACT.folder / "fixtures" / "projects" / name, root)
                git(root, "init", "--quiet", f"--initial-branch={MAIN}")
                commit_all(root, "Initial state")
                self.templates[name] = root
            return self.templates[name]
