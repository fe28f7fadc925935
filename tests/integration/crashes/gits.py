"""Wrappers of git that wait or kill their caller at one chosen call."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.integration.stage import environment

GIT = shutil.which("git")
GATED = """#!/bin/sh
case " $* " in *" {words} "*) exec 3<>{folder}/gate; touch {folder}/reached; read -r line <&3 ;; esac
exec {git} "$@"
"""
FATAL = """#!/bin/sh
echo >> {folder}/calls
if [ "$(wc -l < {folder}/calls)" -ne {call} ]; then exec {git} "$@"; fi
[ {moment} = before ] || {git} "$@"
kill -9 $PPID
"""


@dataclass(frozen=True)
class GatedGit:
    """A git that waits, if called with `words`, until the gate is opened."""

    folder: Path
    words: str

    def environment(self) -> dict[str, str]:
        _write(self.folder, GATED.format(folder=self.folder, words=self.words, git=GIT))
        os.mkfifo(self.folder / "gate")
        return _with_path(self.folder)

    @property
    def reached(self) -> Path:
        return self.folder / "reached"

    def open(self) -> None:
        (self.folder / "gate").write_text("go on\n")


def fatal_git(folder: Path, *, call: int, moment: str) -> dict[str, str]:
    """An environment whose git kills its caller before or after its work, at that call."""
    _write(folder, FATAL.format(folder=folder, call=call, moment=moment, git=GIT))
    return _with_path(folder)


def _write(folder: Path, script: str) -> None:
    folder.mkdir(parents=True)
    path = folder / "git"
    path.write_text(script)
    path.chmod(0o755)


def _with_path(folder: Path) -> dict[str, str]:
    return environment(PATH=f"{folder}{os.pathsep}{os.environ['PATH']}")
