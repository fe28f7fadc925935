"""On a branch without the mission, commands name its branch, though untracked files of the host remain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.record.scene import LANES, LOG, build
from tests.integration.stage import SLUG, Stage

ASKED = {
    "append-history": {"wp": "WP03", "actor": "ada", "note": "n"},
    "list-ready": {},
    "mission-state": {},
    "resolve-workspace": {"wp": "WP01"},
    "start-implementation": {"wp": "WP03", "actor": "ada"},
    "start-review": {"wp": "WP01", "actor": "ada"},
    "accept-mission": {"actor": "ada"},
    "merge-mission": {"actor": "ada"},
    "transition": {"wp": "WP03", "to": "claimed", "actor": "ada"},
}
WORDS = (
    ("status",),
    ("implement", "WP03"),
    ("review", "WP01"),
    ("tasks",),
    ("move", "WP03", "claimed"),
    ("accept",),
    ("merge",),
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose mission is on main; its untracked files stayed behind."""
    root = tmp_path_factory.mktemp("elsewhere") / "project"
    build(root)
    stage = Stage(root=root)
    stage.git("rm", "-q", "--cached", LOG, LANES)
    stage.git("commit", "-q", "-m", "the host's files are not tracked")
    stage.git("switch", "-q", "--orphan", "empty")
    assert sorted(it.name for it in (root / "kitty-specs" / SLUG).iterdir()) == [
        "lanes.json",
        "status.events.jsonl",
    ]
    return root


@pytest.mark.parametrize("command", ASKED)
def test_request_for_the_mission_names_the_branch_that_has_it(root: Path, command: str) -> None:
    refused = Stage(root=root).ask(command, mission=SLUG, **ASKED[command])
    assert refused["error_code"] == "MISSION_NOT_FOUND"
    assert "is not checked out" in refused["data"]["message"]
    assert "'git switch main' checks it out" in refused["data"]["message"]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_command_without_a_mission_names_the_branch_that_has_it(
    root: Path, words: tuple[str, ...]
) -> None:
    told = Stage(root=root).run(*words)
    assert told.exit_code != 0
    assert b"the host knows 001-search (on main last)" in told.stderr + told.stdout


def test_mission_list_names_the_branch_that_has_it(root: Path) -> None:
    told = Stage(root=root).run("mission", "list")
    assert (told.exit_code, told.stdout) == (0, b"")
    assert b"001-search is not checked out; it was last on main" in told.stderr
