"""The command line beside the mailboxes: one call after the other, and their answers."""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import dataclass, field
from typing import Any

from tests.integration.stage import Process, Stage
from tests.patience import LONGEST_S

ACTOR = "person"


@dataclass(kw_only=True)
class People:
    """A person who adds notes to the missions, each with the id of its request."""

    stage: Stage
    missions: list[str]
    random: random.Random
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    _asked: str = ""
    _process: Process | None = None

    def look_after(self) -> None:
        """Finish the previous call and start the next one."""
        if self._process is None:
            self.ask()
        elif self._process.poll() is not None:
            self.hear()

    def ask(self) -> None:
        """Start a call."""
        self._asked = f"person-{len(self.answers):07}"
        words = ["append-history", "--mission", self.random.choice(self.missions), "--wp", "WP01"]
        words += ["--actor", ACTOR, "--note", self._asked, "--correlation-id", self._asked]
        self._process = self.stage.start("orchestrator-api", *words)

    def hear(self) -> None:
        """Wait for the call and note its answer."""
        assert self._process is not None
        stdout, stderr = self._process.communicate(timeout=LONGEST_S)
        assert stdout.endswith(b"\n"), stderr
        self.answers[self._asked] = json.loads(stdout)
        self.stage.started.remove(self._process)
        self._process = None

    def finish(self) -> None:
        """Finish the current call."""
        if self._process is not None:
            self._process.wait(LONGEST_S)
            self.hear()


def fsck(stage: Stage) -> list[str]:
    """Problems that git finds in the repository."""
    words = ["git", "fsck", "--no-progress", "--no-dangling"]
    done = subprocess.run(words, cwd=stage.root, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).splitlines() if done.returncode != 0 else []
