"""A bubblewrap sandbox without network and project, with an empty home and at most two folders."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.stage import SOURCE, TIMEOUT_S, Outcome

SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/etc/alternatives")
CONTRACT = SOURCE.parent / "contract"
INBOX, OUTBOX = "/mailbox/inbox", "/mailbox/outbox"


@dataclass(kw_only=True)
class Bubble:
    """A sandbox of the project's mailbox; each option may be changed."""

    kitty: Path
    inbox: str = "--bind"
    outbox: str = "--ro-bind"
    more: list[str] = field(default_factory=list)
    python: list[str] = field(default_factory=lambda: [sys.executable])

    def run(self, *words: str) -> Outcome:
        """Run `spec-kitty` with the words inside."""
        done = subprocess.run(
            [*self._walls(), *self.python, "-m", "specify_cli", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)

    def _walls(self) -> list[str]:
        read_only = [*SYSTEM, sys.base_prefix, sys.prefix, str(SOURCE), str(CONTRACT)]
        return [
            "bwrap",
            "--unshare-all",
            "--die-with-parent",
            "--clearenv",
            *(word for path in read_only for word in ("--ro-bind-try", path, path)),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/home/agent"),
            *(self.inbox, str(self.kitty / "inbox"), INBOX),
            *(self.outbox, str(self.kitty / "outbox"), OUTBOX),
            *("--setenv", "HOME", "/home/agent", "--setenv", "PATH", "/usr/bin:/bin"),
            *("--setenv", "PYTHONPATH", str(SOURCE), "--chdir", "/home/agent"),
            *("--setenv", "PYTHONDONTWRITEBYTECODE", "1"),
            *self.more,
        ]
