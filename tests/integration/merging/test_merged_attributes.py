"""Merged attributes do not affect other missions: no filter reads what the host writes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.merging.agents import OTHER, put, submit
from tests.integration.stage import SLUG, Stage

REQUIRED = {
    "clean": {"required": "true", "clean": "false", "smudge": "false"},
    "process": {"required": "true", "process": "false"},
}
SELECTING = {
    "the logs": "*.jsonl filter=vault",
    "the host's files": "kitty-specs/**/*.json* filter=vault",
    "encoded": "kitty-specs/**/*.json* working-tree-encoding=UTF-16",
    "line ends": "* text eol=crlf",
    "guessed": "* text=auto eol=crlf",
    "ident": "* ident",
}


def forced(stage: Stage, to: str) -> None:
    moved = {"to": to, "actor": "x", "force": True, "note": "n"}
    stage.done("transition", mission=OTHER, wp="WP01", **moved)


@pytest.fixture(
    params=[(name, REQUIRED["clean"]) for name in SELECTING] + [("the logs", REQUIRED["process"])]
)
def settled(stage: Stage, workspace: Path, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The workspace of a package in progress, after the merge of another mission brought attributes."""
    name, settings = request.param
    stage.git("init", "-q", "--bare", str(tmp_path / "origin.git"))
    stage.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    begun = stage.done("start-implementation", mission=OTHER, wp="WP01", actor="x")
    other = Path(begun["workspace_path"])
    put(stage, workspace, {"a/work.py": "work\n", ".gitattributes": f"{SELECTING[name]}\n"})
    assert submit(stage, "approved", force=True, note="n")["success"]
    assert stage.done("merge-mission", mission=SLUG)["commit"]
    for key, value in settings.items():
        stage.git("config", f"filter.vault.{key}", value)
    return other


def test_package_can_be_submitted_accepted_and_merged(stage: Stage, settled: Path) -> None:
    put(stage, settled, {"c/work.py": "work\n"})
    stage.done("append-history", mission=OTHER, wp="WP01", actor="x", note="n")
    for to in ("for_review", "approved"):
        forced(stage, to)
    assert stage.done("accept-mission", mission=OTHER, actor="x")["accepted"]
    stage.done("append-history", mission=OTHER, wp="WP01", actor="x", note="n")
    assert stage.done("merge-mission", mission=OTHER, actor="x", push=True)["commit"]
    log = stage.root / "kitty-specs" / OTHER / "status.events.jsonl"
    assert (
        stage.git("cat-file", "blob", f"HEAD:{log.relative_to(stage.root)}")
        == log.read_text().strip()
    )
    assert stage.lane("WP01", OTHER) == "done"


def test_mission_can_be_planned(stage: Stage, settled: Path) -> None:
    made = stage.done("create-mission", policy=None, title="Next")
    slug = made["mission_slug"]
    stage.done("write-plan", policy=None, mission=slug)
    (stage.root / "kitty-specs" / slug / "tasks.md").write_text(
        "## WP01: One\n\nOwned files: d/**\n"
    )
    stage.done("write-packages", policy=None, mission=slug)
    stage.done("finalize-tasks", policy=None, mission=slug)
    lanes = f"kitty-specs/{slug}/lanes.json"
    assert (
        stage.git("cat-file", "blob", f"HEAD:{lanes}") == (stage.root / lanes).read_text().strip()
    )


def test_doctor_and_reads_work(stage: Stage, settled: Path) -> None:
    stage.done("append-history", mission=OTHER, wp="WP01", actor="x", note="n")
    assert stage.ask("diagnose", policy=None)["success"]
    assert stage.lane("WP01", OTHER) == "in_progress"
