"""Hosts in two clones do not see each other: packages that both moved wait for a person, and nothing is lost."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.integration.stage import SLUG, Stage


@pytest.fixture
def clones(stage: Stage, tmp_path: Path) -> tuple[Stage, Stage]:
    """Ada has started WP01 in one clone, bo in the other; both have committed the log."""
    folder = stage.write_mission(
        {"WP01": {"owned_files": ["src/one/**"]}, "WP02": {"owned_files": ["src/two/**"]}}
    )
    (stage.root / ".gitignore").write_text(".kitty/\n.worktrees/\n")
    stage.done("start-implementation", mission=SLUG, wp="WP02", actor="ada")
    stage.git("add", ".gitignore", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    other = Stage(root=tmp_path / "clone")
    stage.git("clone", "-q", str(stage.root), str(other.root))
    for clone, actor in ((stage, "ada"), (other, "bo")):
        clone.done("start-implementation", mission=SLUG, wp="WP01", actor=actor)
        clone.git("add", "kitty-specs")
        clone.git("commit", "-q", "-m", f"{actor} has begun")
    return stage, other


def pull(stage: Stage, other: Stage) -> None:
    stage.git("pull", "-q", "--no-rebase", "--no-edit", str(other.root), "main")


def test_package_started_in_both_clones_is_contested(clones: tuple[Stage, Stage]) -> None:
    stage, other = clones
    pull(stage, other)
    state = stage.done("mission-state", mission=SLUG)
    first = next(it for it in state["work_packages"] if it["wp_id"] == "WP01")
    assert (first["lane"], first["contested"]) == ("in_progress", "planned")
    (warning,) = state["warnings"]
    assert "spec-kitty move WP01 in_progress --mission" in warning
    for actor in ("ada", "bo"):
        refused = stage.ask("start-implementation", mission=SLUG, wp="WP01", actor=actor)
        assert refused["data"]["guard"] == "contested"
        refused = stage.ask("append-history", mission=SLUG, wp="WP01", actor=actor, note="?")
        assert refused["data"]["guard"] == "contested"
    accepted = stage.ask("accept-mission", mission=SLUG, actor="ada")
    assert "WP01" in accepted["data"]["incomplete_wps"]
    stage.done("append-history", mission=SLUG, wp="WP02", actor="ada", note="goes on")
    assert "WP01 is contested" in stage.run("status").stderr.decode()


def test_contested_package_is_settled_by_the_advised_command(clones: tuple[Stage, Stage]) -> None:
    stage, other = clones
    pull(stage, other)
    (warning,) = stage.done("mission-state", mission=SLUG)["warnings"]
    (advised,) = re.findall("spec-kitty (move .* --note '[^']*')", warning)
    settled = stage.run(*shlex.split(advised))
    assert settled.exit_code == 0, settled
    state = stage.done("mission-state", mission=SLUG)
    assert "contested" not in state["work_packages"][0]
    assert "warnings" not in state
    stage.done("append-history", mission=SLUG, wp="WP01", actor="bo", note="goes on")


def test_package_released_in_both_clones_is_not_contested(clones: tuple[Stage, Stage]) -> None:
    stage, other = clones
    other.done("release-claim", mission=SLUG, wp="WP01", actor="bo", note="is ada's", force=True)
    stage.done(
        "release-claim", mission=SLUG, wp="WP01", actor="ada", note="is nobody's", force=True
    )
    for clone in clones:
        clone.git("commit", "-qam", "released")
    pull(stage, other)
    assert "contested" not in stage.done("mission-state", mission=SLUG)["work_packages"][0]
