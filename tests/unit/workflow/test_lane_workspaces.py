"""The workspace of an execution lane is made, kept, replaced or refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long

LANE = f"{SLUG}-lane-a"
BRANCH = f"kitty/mission-{SLUG}-lane-a"
SAME_LANE = {"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["a/b/**"]}}


@pytest.fixture
def two(stage: Stage) -> Stage:
    """A mission of two packages that take turns in one execution lane."""
    shutil.rmtree(stage.root / "kitty-specs")
    stage.write_mission(SAME_LANE)
    return stage


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


def to(stage: Stage, lane: str, wp_id: str = "WP01", **more: Any) -> dict[str, Any]:
    return stage.done(
        "transition", mission=SLUG, wp=wp_id, to=lane, actor="coder", force=True, note="n", **more
    )


def place(stage: Stage) -> Path:
    return stage.root / ".worktrees" / LANE


def which(folder: Path) -> tuple[int, int]:
    found = folder.lstat()
    return found.st_dev, found.st_ino


def trashed(stage: Stage) -> list[Path]:
    return sorted((stage.root / ".worktrees" / ".trash").glob(f"*-{LANE}"))


def remains(stage: Stage) -> list[str]:
    """What a making has left below `.worktrees` that is not meant to stay."""
    return [str(it) for it in (stage.root / ".worktrees" / ".making").glob("*")]


# What has the name already.


@pytest.mark.parametrize(
    "kind", ["folder", "file", "link to nothing", "link to a folder", "repository"]
)
def test_whatever_else_has_the_name_is_refused_and_stays(stage: Stage, kind: str) -> None:
    first = begun(stage)  # The host has made one there before, and knows it.
    to(stage, "planned")
    shutil.rmtree(first)
    if kind in ("folder", "repository"):
        first.mkdir()
        (first / "notes.txt").write_text("mine")
    if kind == "repository":
        stage.git("init", "-q", folder=first)
    elif kind == "file":
        first.write_text("mine")
    elif kind == "link to nothing":
        first.symlink_to(stage.root.parent / "elsewhere")
    elif kind == "link to a folder":
        (stage.root.parent / "elsewhere").mkdir()
        first.symlink_to(stage.root.parent / "elsewhere")
    before = which(first), stage.git("for-each-ref")
    data = refused(start(stage))
    assert data["reason_code"] == "not_a_workspace"
    assert str(first) in data["message"]
    assert (which(first), stage.git("for-each-ref")) == before
    assert not first.is_dir() or kind == "link to a folder" or (first / "notes.txt").exists()
    assert stage.lane("WP01") == "planned"
    assert not remains(stage)
