"""The files of a project after a run in which the host writes each kind of file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from specify_cli.conformance.compare import envelope_of
from specify_cli.conformance.interfaces import Interface
from specify_cli.conformance.journal_chain import journal_files
from specify_cli.conformance.project_files import json_lines, own_lines
from specify_cli.conformance.requests import Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.contract.interfaces import CommandLine, Mailbox, run_program

MISSION = "002-chain"
POLICY: dict[str, Any] = {
    "orchestrator_id": "nightly",
    "orchestrator_version": "2.1.0",
    "agent_family": "claude",
    "approval_mode": "supervised",
    "sandbox_mode": "workspace_write",
    "network_mode": "none",
    "dangerous_flags": [],
    "tool_restrictions": None,
}
REVIEW = {"reviewer": "bruno", "verdict": "approved", "reference": "review-1"}
PROOFS = {
    "review_ref": "review-1",
    "review_result": {**REVIEW, "feedback_path": "reviews/1.md"},
    "evidence": {"review": REVIEW},
}


def written_by_a_host(scratch: ScratchProjects, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Name of a schema to what a host wrote of that kind, through both interfaces."""
    root = scratch.project("chain", folder / "project")
    ask = _Asking(root)
    ask.succeeds("start-implementation", wp="WP01")
    ask.succeeds("append-history", wp="WP01", note="on it")
    ask.succeeds("heartbeat", wp="WP01")
    ask.succeeds("release-claim", wp="WP01", note="no answer", force=True)
    ask.succeeds("start-implementation", wp="WP01")
    words = ["agent", "tasks", "mark-status", "T001", "T002", "--status", "done"]
    run_program(root, *words, "--mission", MISSION).check_returncode()
    ask.succeeds("transition", wp="WP01", to="approved", force=True, note="seen", **PROOFS)
    for package in ("WP02", "WP03"):
        ask.succeeds("transition", wp=package, to="canceled", note="not wanted")
    ask.succeeds("accept-mission")
    mission, outbox = root / "kitty-specs" / MISSION, root / ".kitty" / "outbox"
    (beat,) = (
        it for it in json_lines(outbox / "journal.jsonl") if it["command"].endswith("heartbeat")
    )
    how = ("--text", MISSION, "--reason", "it tells too much")
    run_program(root, "redact", beat["correlation_id"], *how).check_returncode()
    return {
        "event": own_lines(mission / "status.events.jsonl"),
        "lanes-file": [json.loads((mission / "lanes.json").read_bytes())],
        "journal-line": [it for part in journal_files(outbox) for it in json_lines(part)],
        "worker": [json.loads((outbox / "worker.json").read_bytes())],
    }


class _Asking:
    """Send each request through the next interface in turn."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._doors: list[Interface] = [CommandLine(), Mailbox()]

    def succeeds(self, command: str, **args: Any) -> None:
        self._doors.reverse()
        named = {"mission": MISSION, "actor": "ada"} | args
        policy = None if command == "append-history" else POLICY
        ask = Request(command=command, args=named, policy=policy, correlation_id=fresh_id())
        envelope = envelope_of(self._doors[0].send(self._root, ask).raw)
        assert envelope["success"], envelope
