"""The command line of a host under test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specify_cli.conformance import programs
from specify_cli.conformance.compare import excerpt
from specify_cli.conformance.findings import Nonconformity
from specify_cli.conformance.interfaces import Answer
from specify_cli.conformance.project_files import json_lines
from specify_cli.conformance.requests import Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects

MISSION, WP = "001-single", "WP01"
BROKEN_HANDLERS = {"CONFORMANCE_FAULT": "handler_raises"}
POLICY: dict[str, Any] = {
    "orchestrator_id": "conformance-kit",
    "orchestrator_version": "1.0.0",
    "agent_family": "none",
    "approval_mode": "supervised",
    "sandbox_mode": "workspace_write",
    "network_mode": "none",
    "dangerous_flags": [],
}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The program of `--host`; it takes `<command> --flags`."""

    argv: Sequence[str]
    timeout_s: float = programs.DEADLINE_S
    variables: dict[str, str] = field(default_factory=dict)

    def send(self, root: Path, request: Request) -> Answer:
        """Send the request and return the output and the exit code."""
        return self.run(root, request.as_argv())

    def run(self, folder: Path, argv: Sequence[str], **variables: str) -> Answer:
        """Run the command line with these arguments in the folder."""
        done = programs.run(
            [*self.argv, *argv],
            folder=folder,
            timeout_s=self.timeout_s,
            variables=self.variables | variables,
        )
        return Answer(raw=done.stdout, exit_code=done.returncode)


@dataclass(frozen=True, slots=True)
class CommandLineContext:
    """What a command line rule gets: the command line, and fresh projects."""

    command_line: CommandLine
    scratch: ScratchProjects
    folder: Path
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def project(self, name: str = "single") -> Path:
        """Create a fresh project."""
        return self.scratch.project(name, self.folder / f"rule-{next(self.numbers)}")

    def request(self, root: Path, command: str, **args: Any) -> dict[str, Any]:
        """Send a request and return the envelope of the answer."""
        return envelope_in(self.command_line.send(root, new_request(command, **args)).raw)


def new_request(command: str, *, correlation_id: str | None = None, **args: Any) -> Request:
    """Return a request; it has a policy if the command may require one."""
    takes_policy = command in {"start-implementation", "start-review", "transition"}
    return Request(
        command=command,
        args=args,
        policy=POLICY if takes_policy else None,
        correlation_id=correlation_id or fresh_id(),
    )


def note_request(text: str = "on it", *, correlation_id: str | None = None) -> Request:
    """Return a changing request that is harmless: a note."""
    args = {"mission": MISSION, "wp": WP, "actor": "kit", "note": text}
    return new_request("append-history", correlation_id=correlation_id, **args)


def envelope_in(raw: bytes) -> dict[str, Any]:
    """Parse the first line as an envelope. Other rules check the rest of the output.

    Raises:
        Nonconformity: The line is not an envelope.
    """
    try:
        envelope = json.loads(raw.partition(b"\n")[0])
    except (ValueError, RecursionError):
        raise Nonconformity(f"not an envelope: {excerpt(raw)}") from None
    if not isinstance(envelope, dict) or not isinstance(envelope.get("data"), dict):
        raise Nonconformity(f"not an envelope: {excerpt(raw)}")
    return envelope


def log_of(root: Path, mission: str = MISSION) -> bytes:
    """Return the bytes of the mission's event log."""
    path = root / "kitty-specs" / mission / "status.events.jsonl"
    return path.read_bytes() if path.exists() else b""


def journal_of(root: Path) -> list[dict[str, Any]]:
    """Return the lines of the project's journal."""
    return json_lines(root / ".kitty" / "outbox" / "journal.jsonl")
