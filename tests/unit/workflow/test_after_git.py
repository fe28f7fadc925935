"""A few rows of the table of what git and people do, run within one process of the host.

All rows, with messages and advice, are in `tests/integration/record/test_git_operations.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_entries import Entry
from tests.integration.record.judging import LANES
from tests.integration.record.scene import QUICK, ROWS, build, put_back
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.doors import answer, body


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The project, and the copy from which it is restored."""
    root = tmp_path_factory.mktemp("quick") / "project"
    return root, build(root)[0]


@pytest.mark.parametrize("name", QUICK)
def test_held_packages_stay_held_and_no_event_is_lost(built: tuple[Path, Path], name: str) -> None:
    root, kept = built
    put_back(kept, root)
    stage, row = Stage(root=root), ROWS[name]
    before = [it.log for it in entries(root) if it.log]
    row.do(stage)
    start = {"mission": SLUG, "wp": "WP02"}
    by_hand = stage.ask("start-implementation", actor="cleo", **start)
    by_mailbox = answer(
        stage,
        body("dora-asks", "start-implementation", start | {"actor": "dora"}),
        stem="dora-asks",
        identity="default",
    )
    assert [it["error_code"] for it in (by_hand, by_mailbox)] == [row.refuses] * 2
    merge = stage.ask("merge-mission", mission=SLUG, actor="ada")
    assert merge["error_code"] in ("PREFLIGHT_FAILED", row.refuses)
    state = stage.done("mission-state", mission=SLUG, policy=None)
    assert {it["wp_id"]: it["lane"] for it in state["work_packages"]} == LANES
    assert [it.log for it in entries(root) if it.log][: len(before)] == before
    stage.ask("repair", actor="ada", policy=None)
    assert stage.ask("diagnose", policy=None)["data"]["problems"] == 0


def entries(root: Path) -> list[Entry]:
    record = records.found(Layout(root))
    return list(record.entries()) if record else []
