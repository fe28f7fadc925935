"""Orchestrators with user ids of their own, each with a mailbox granted by the operator."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.sandbox import bubblewrap
from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.stage import Stage
from tests.patience import LONGEST_S

# Unused user ids: they can own files and folders without an account.
ALICE, BOB = 61_011, 61_012

# ask ID REQUEST: drops the request and shows the answer.
ASK = """\
printf '%s' "$2" >"/inbox/.$1.tmp" && mv "/inbox/.$1.tmp" "/inbox/$1.json"
until [ -f "/outbox/$1.json" ]; do sleep 0.05; done
cat "/outbox/$1.json"
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A project below a folder that every user may pass through."""

    stage: Stage
    folder: Path

    def mailbox(self, name: str) -> tuple[Path, Path]:
        """The two folders of that orchestrator."""
        kitty = self.stage.root / ".kitty"
        return kitty / "inbox" / name, kitty / "outbox" / name

    def carried(self, file: Path) -> Path:
        """A copy that every user can read and run."""
        copy = self.folder / file.name
        shutil.copy(file, copy)
        copy.chmod(0o755)
        return copy

    def run(
        self, uid: int, name: str, words: Sequence[str], *, timeout_s: float = LONGEST_S
    ) -> tuple[int, str]:
        """Run a program as the user in a sandbox with that mailbox; return exit code and output."""
        script = self.carried(EXAMPLES / "in-sandbox.sh")
        inbox, outbox = self.mailbox(name)
        with bubblewrap.start(inbox, outbox, words, before=as_user(uid), script=script) as program:
            printed, said = program.communicate(timeout=timeout_s)
        return program.returncode, printed + said

    def ask(
        self, uid: int, name: str, stem: str, command: str, *, policy: Any = None, **args: Any
    ) -> dict[str, Any]:
        """Send a request as the user from inside a sandbox; return the answer."""
        asked = request(stem, command, args) | ({"policy": policy} if policy else {})
        text = json.dumps(asked)
        code, said = self.run(uid, name, ["sh", "-ec", ASK, "ask", stem, text])
        assert code == 0, said
        envelope: dict[str, Any] = json.loads(said)
        return envelope


@contextmanager
def place() -> Iterator[Place]:
    """A place for one test, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="spec-kitty-users-"))
    folder.chmod(0o711)
    stage = Stage(root=folder / "project")
    try:
        stage.make_repository()
        yield Place(stage=stage, folder=folder)
    finally:
        stage.end()
        shutil.rmtree(folder)


def as_user(uid: int) -> list[str]:
    """The words that start a program as that user."""
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]


def request(stem: str, command: str, args: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "contract_version": "1.3.0",
        "correlation_id": stem,
        "command": command,
        "args": dict(args),
    }


def put(folder: Path, stem: str, command: str, *, uid: int, **args: Any) -> None:
    """Put a request of that user into the folder."""
    temporary = folder / f".{stem}.tmp"
    temporary.write_text(json.dumps(request(stem, command, args)))
    os.chown(temporary, uid, uid)
    temporary.rename(folder / f"{stem}.json")
