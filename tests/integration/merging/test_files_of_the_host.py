"""Merged attributes and links do not affect the files that the host reads and writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.merging.agents import OTHER, put, submit
from tests.integration.stage import SLUG, Stage

ATTRIBUTES = [
    "*.jsonl working-tree-encoding=UTF-16",
    "*.jsonl merge=strict",
    "* text eol=crlf",
]


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def test_merged_attributes_do_not_affect_other_missions(
    stage: Stage, workspace: Path, attributes: str
) -> None:
    put(stage, workspace, {"a/work.py": "work\n", ".gitattributes": f"{attributes}\n"})
    assert submit(stage, "approved", force=True, note="n")["success"]
    assert stage.done("merge-mission", mission=SLUG)["commit"]
    stage.git("config", "merge.strict.driver", "false")
    stage.done("start-implementation", mission=OTHER, wp="WP01", actor="x")
    forced = {"to": "approved", "actor": "x", "force": True, "note": "n"}
    stage.done("transition", mission=OTHER, wp="WP01", **forced)
    assert stage.done("accept-mission", mission=OTHER, actor="x")["accepted"]
    log = f"kitty-specs/{OTHER}/status.events.jsonl"
    committed = stage.git("cat-file", "blob", f"HEAD:{log}")
    assert committed == (stage.root / log).read_text().strip()


def test_log_that_is_a_symlink_is_not_followed(stage: Stage, tmp_path: Path) -> None:
    folder = stage.write_mission({"WP01": {}}, slug="003-ghost")
    (folder / "status.events.jsonl").symlink_to(tmp_path / "outside")
    envelope = stage.ask("append-history", mission="003-ghost", wp="WP01", actor="x", note="n")
    assert envelope["error_code"] == "STATE_UNREADABLE", json.dumps(envelope)
    assert not (tmp_path / "outside").exists()
