"""A filter that merged attributes select does not stop the host's own commits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.integration.merging.agents import OTHER, put, submit
from tests.integration.stage import SLUG, Stage

FILTERS = {
    "clean": {"required": "true", "clean": "false", "smudge": "false"},
    "process": {"required": "true", "process": "false"},
}


@pytest.mark.parametrize("selected", ["*.jsonl", "kitty-specs/**", "*"])
@pytest.mark.parametrize("settings", FILTERS.values(), ids=FILTERS.keys())
def test_failing_required_filter_does_not_stop_accept(
    stage: Stage, workspace: Path, settings: dict[str, str], selected: str
) -> None:
    put(stage, workspace, {"a/work.py": "work\n", ".gitattributes": f"{selected} filter=vault\n"})
    assert submit(stage, "approved", force=True, note="n")["success"]
    assert stage.done("merge-mission", mission=SLUG)["commit"]
    stage.done("start-implementation", mission=OTHER, wp="WP01", actor="x")
    forced = {"to": "approved", "actor": "x", "force": True, "note": "n"}
    stage.done("transition", mission=OTHER, wp="WP01", **forced)
    for key, value in settings.items():
        stage.git("config", f"filter.vault.{key}", value)
    # An index as old as its entries: git cannot tell by timestamps whether a file has changed.
    os.utime(stage.root / ".git" / "index", (1, 1))
    assert stage.done("accept-mission", mission=OTHER, actor="x")["accepted"]
    log = stage.root / "kitty-specs" / OTHER / "status.events.jsonl"
    name = log.relative_to(stage.root)
    assert stage.git("cat-file", "blob", f"HEAD:{name}") == log.read_text().strip()


def test_edit_with_the_timestamp_of_the_index_is_still_seen_after_accept(
    stage: Stage, workspace: Path
) -> None:
    assert submit(stage, "approved", force=True, note="n")["success"]
    readme, index = stage.root / "README.md", stage.root / ".git" / "index"
    stage.git("update-index", "--refresh")
    found = readme.stat()
    readme.write_text("READ ME\n")
    os.utime(readme, ns=(found.st_atime_ns, found.st_mtime_ns))
    stage.git("config", "core.trustctime", "false")
    os.utime(index, ns=(found.st_mtime_ns, found.st_mtime_ns))
    stage.done("accept-mission", mission=SLUG, actor="x")
    assert "README.md" in stage.git("status", "--porcelain", "--", "README.md")
