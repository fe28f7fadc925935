"""Helpers of the tests of lane workspaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.stage import SLUG, Stage

LANE = f"{SLUG}-lane-a"
BRANCH = f"kitty/mission-{SLUG}-lane-a"


def start(stage: Stage, wp_id: str = "WP01") -> dict[str, Any]:
    return stage.ask("start-implementation", mission=SLUG, wp=wp_id, actor="coder")


def begun(stage: Stage, wp_id: str = "WP01") -> Path:
    return Path(done(start(stage, wp_id))["workspace_path"])


def done(envelope: dict[str, Any]) -> dict[str, Any]:
    assert envelope["success"], envelope["data"]
    data: dict[str, Any] = envelope["data"]
    return data


def refused(envelope: dict[str, Any]) -> dict[str, Any]:
    assert envelope["error_code"] == "LANE_ALLOCATION_FAILED", envelope
    data: dict[str, Any] = envelope["data"]
    return data


def inode(folder: Path) -> tuple[int, int]:
    found = folder.lstat()
    return found.st_dev, found.st_ino


def trashed(stage: Stage) -> list[Path]:
    return sorted((stage.root / ".worktrees" / ".trash").glob(f"*-{LANE}"))


def remains(stage: Stage) -> list[str]:
    """Temporary files that creating a workspace has left below `.worktrees`."""
    return [str(it) for it in (stage.root / ".worktrees" / ".making").glob("*")]


# What a repeated start must not change.


def state(stage: Stage, path: Path) -> tuple[tuple[int, int], str, list[Path]]:
    refs = stage.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    return inode(path), refs, trashed(stage)
