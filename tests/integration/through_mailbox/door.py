"""Command-line processes that use a mailbox from outside the project."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.integration.stage import Outcome, Process, Stage, environment, outcome
from tests.unit.mailbox.recording import wait_until

# Drops root's capabilities, so that file permissions apply to root, too.
WITHOUT_PRIVILEGES = (
    ("setpriv", "--inh-caps=-all", "--bounding-set=-all") if os.geteuid() == 0 else ()
)


@dataclass(frozen=True, kw_only=True)
class Sandboxed:
    """Sends requests through the mailbox of the stage's project, from a folder outside it."""

    stage: Stage
    folder: Path

    @property
    def mailbox(self) -> Path:
        return self.stage.root / ".kitty"

    @property
    def waiting(self) -> list[Path]:
        """The requests in the inbox."""
        return sorted(self.mailbox.glob("inbox/[!.]*.json"))

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> Process:
        """Start a process that sends a request."""
        return self.stage.start("orchestrator-api", *words, cwd=self.folder, env=env)

    def ask(self, *words: str, mailbox: Path | str | None = None) -> Outcome:
        """Send a request through the mailbox; return how the process ended."""
        return outcome(self.start(*words, "--mailbox", str(mailbox or self.mailbox)))

    def ask_by_variable(self, *words: str, **variables: str) -> Outcome:
        """The same with environment variables instead of `--mailbox`."""
        return outcome(self.start(*words, env=environment(**variables)))

    def start_until_it_waits(self, *words: str) -> Process:
        """Start a process and wait until its request is in the inbox."""
        process = self.start(*words, "--mailbox", str(self.mailbox))
        wait_until(lambda: self.waiting or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        return process
