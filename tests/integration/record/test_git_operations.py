"""The same holds after every operation of git and people on a mission in progress: see `scene.ROWS`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from tests.copies import copied
from tests.integration.on_path import program_folder
from tests.integration.record import judging
from tests.integration.record.scene import CASES, ROWS, build, put_back
from tests.integration.stage import Stage


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Paths of the project, its copies `open` and `committed`, and the tools."""
    root = tmp_path_factory.mktemp("table") / "project"
    is_open, committed = build(root)
    tools = program_folder(root.with_name("tools"))
    return {"root": root, "open": is_open, "committed": committed, "tools": tools}


@pytest.fixture
def stage(built: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=built["root"])
    yield made
    made.end()


def known_ids(stage: Stage) -> list[str]:
    """The ids of all events that the host has acknowledged."""
    record = records.found(Layout(stage.root))
    lines = b"".join(it.log for it in record.entries()) if record else b""
    return re.findall(r'"event_id":"(\w+)"', lines.decode())


def is_sampled(name: str, state: str) -> bool:
    """Of a row that runs in both states, the build runs one."""
    row = ROWS[name]
    kept = "open" if list(ROWS).index(name) % 2 else "committed"
    return state == kept or not (row.open and row.committed)


@pytest.mark.parametrize(
    ("name", "state"),
    [pytest.param(*it, marks=() if is_sampled(*it) else pytest.mark.campaign) for it in CASES],
    ids=[f"{name}-{state}" for name, state in CASES],
)
def test_nothing_is_lost_and_reports_are_true(
    stage: Stage, built: dict[str, Path], name: str, state: str
) -> None:
    row = ROWS[name]
    put_back(built[state], stage.root)
    before = known_ids(stage)
    row.do(stage)
    before = before if row.is_lossy else known_ids(stage) or before
    after = copied(stage.root, built["root"].with_name("after"))
    try:
        said = judging.ask(stage)
        judging.judge_words(stage, row, said, before)
        judging.judge_claims(stage, row)
        judging.judge_record(stage, before)
        judging.judge_advice(
            stage,
            row,
            said,
            state=after,
            tools=built["tools"],
            restore=lambda it: put_back(it, stage.root),
        )
        put_back(after, stage.root)
        end_well(stage, row.away, tools=built["tools"])
    finally:
        shutil.rmtree(after)
        shutil.rmtree(stage.root)


def end_well(stage: Stage, way_back: str, *, tools: Path) -> None:
    """Check that the record verifies after `doctor --fix` with the mission checked out."""
    if way_back:
        assert judging.paste(stage, way_back, tools=tools) == 0
    stage.run("doctor", "--fix")
    verified = stage.run("mailbox", "verify")
    assert verified.exit_code == 0, verified
