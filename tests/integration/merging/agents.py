"""Commits of an agent in its workspace, and their submission and merge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.integration.stage import SLUG, Stage

OTHER = "002-other"
FORGED_EVENT = json.dumps(
    {
        "event_id": "01JAAAAAAAAAAAAAAAAAAAAAAA",
        "at": "2026-01-01T00:00:00+00:00",
        "actor": "evil",
        "wp_id": "WP01",
        "from_lane": "in_review",
        "to_lane": "approved",
    }
)


def put(stage: Stage, workspace: Path, files: Mapping[str, str]) -> str:
    """Commit these files, even if ignored, in the workspace; return the commit."""
    for name, text in files.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        stage.git("add", "-f", "--", name, folder=workspace)
    stage.git("commit", "-q", "-m", "work", folder=workspace)
    return stage.git("rev-parse", "HEAD", folder=workspace)


def submit(stage: Stage, to: str = "for_review", **args: Any) -> dict[str, Any]:
    asked: dict[str, Any] = {"to": to, "actor": "coder", "subtasks_complete": True} | args
    return stage.ask("transition", mission=SLUG, wp="WP01", **asked)


def refused(stage: Stage, to: str = "for_review", **args: Any) -> dict[str, Any]:
    """Return the refusal of a submission; check that the package has not moved."""
    lane = stage.lane("WP01")
    envelope = submit(stage, to, **args)
    assert envelope["error_code"] == "TRANSITION_REJECTED", envelope
    assert envelope["data"]["guard"] == "paths", envelope
    assert stage.lane("WP01") == lane
    data: dict[str, Any] = envelope["data"]
    return data


def paths(data: Mapping[str, Any]) -> dict[str, str]:
    return {it["path"]: it["commit"] for it in data["paths"]}


def approve_behind_the_host(stage: Stage) -> None:
    """Approve the package in the log, with its commits, as a host did before these rules."""
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    branch = f"kitty/mission-{SLUG}-lane-a"
    if workspace.exists():
        stage.git("fetch", "-q", str(workspace), f"+{branch}:{branch}")
    log = stage.root / "kitty-specs" / SLUG / "status.events.jsonl"
    event = json.loads(FORGED_EVENT) | {"from_lane": "in_progress", "actor": "old"}
    log.write_text(log.read_text() + json.dumps(event) + "\n")


def preflight(stage: Stage, **args: Any) -> dict[str, Any]:
    """Return the refusal of a merge; check that the target has not moved."""
    before = stage.git("rev-parse", "main")
    envelope = stage.ask("merge-mission", mission=SLUG, **args)
    assert envelope["error_code"] == "PREFLIGHT_FAILED", envelope
    assert stage.git("rev-parse", "main") == before
    data: dict[str, Any] = envelope["data"]
    return data
