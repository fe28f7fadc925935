"""A report is one snapshot of the record, without private texts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from specify_cli.storage.journal_files import JournalFiles
from specify_cli.storage.layout import Layout
from specify_cli.storage.project import Project
from specify_cli.storage.records import found
from specify_cli.workflow.project_report import ProjectReport, ProjectReports
from tests.integration.stage import SLUG, Stage
from tests.records import forget

ELSEWHERE = timezone(timedelta(hours=14))
SECRET = "kept-out-of-the-report"
WP01 = {"mission": SLUG, "wp": "WP01", "actor": "coder"}


def gathered(stage: Stage, **asked: Any) -> dict[str, Any]:
    return stage.done("gather-report", policy=None, **asked)


def test_the_board_the_timeline_and_the_journal_agree(stage: Stage) -> None:
    stage.done("start-implementation", **WP01)
    refused = stage.ask("start-review", **WP01)
    data = gathered(stage)
    [mission] = data["missions"]
    [package] = mission["packages"]
    assert (package["lane"], package["holder"]) == ("in_progress", "coder")
    assert [it["lane"] for it in package["stints"]] == ["claimed", "in_progress"]
    assert data["head"].count(":") == 2
    first, second = data["journal"]["rows"]
    assert (first["from_lane"], first["to_lane"]) == ("planned", "in_progress")
    assert (first["caller"], first["actor"], first["wp"]) == ("cli", "coder", "WP01")
    assert second["code"] == refused["error_code"]
    assert second["message"] == refused["data"]["message"]
    [refusals] = data["journal"]["refusals"]
    assert (refusals["code"], refusals["last_seq"]) == (refused["error_code"], second["seq"])


@pytest.mark.long
def test_notes_prompts_reviews_and_redacted_texts_are_left_out(stage: Stage) -> None:
    prompt = next((stage.root / "kitty-specs" / SLUG / "tasks").iterdir())
    prompt.write_text(f"{prompt.read_text()}\n{SECRET}-prompt\n")
    stage.done("append-history", **WP01, note=f"{SECRET}-note")
    stage.done("transition", **WP01, to="blocked", note=f"{SECRET}-why")
    stage.put("asked", "transition", **WP01, to=f"{SECRET}-lane")
    for command in ("package-history", "show-prompt"):
        stage.put(f"read-{command}", command, mission=SLUG, wp="WP01")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert SECRET in json.dumps(gathered(stage)), "the published journal has it"
    hidden = {"text_hex": f"{SECRET}-lane".encode().hex(), "salt": "salt"}
    stage.done("redact", policy=None, about="asked", actor="ada", reason="leaked", **hidden)
    whole = json.dumps(gathered(stage))
    assert "read-show-prompt" in whole
    assert "redacted sha256:" in whole
    assert SECRET not in whole


def test_the_report_can_be_limited_to_a_mission_and_a_time(stage: Stage) -> None:
    stage.write_mission({"WP01": {}}, slug="002-other")
    stage.done("append-history", **WP01, note="n")
    stage.done("append-history", **WP01 | {"mission": "002-other"}, note="n")
    rows = gathered(stage)["journal"]["rows"]
    one = gathered(stage, mission="002")
    assert [it["slug"] for it in one["missions"]] == ["002-other"]
    assert one["journal"]["rows"] == rows[1:]
    after = (
        (datetime.fromisoformat(rows[0]["at"]) + timedelta(microseconds=1))
        .astimezone(ELSEWHERE)
        .isoformat()
    )
    assert gathered(stage, since=after)["journal"]["rows"] == rows[1:]
    assert gathered(stage, since="2999-01-01T00:00:00Z")["journal"]["total"] == 0
    newest = gathered(stage, rows=1)["journal"]
    assert (newest["rows"], newest["total"]) == (rows[1:], 2)
    refused = stage.ask("gather-report", policy=None, since="yesterday")
    assert refused["error_code"] == "USAGE_ERROR"


def test_an_unreadable_mission_does_not_hide_the_others(stage: Stage) -> None:
    folder = stage.write_mission({"WP01": {}}, slug="002-other")
    (folder / "meta.json").write_text("{")
    first, second = gathered(stage)["missions"]
    assert (first["problem"], len(first["packages"])) == (None, 1)
    assert "meta.json" in second["problem"]


def test_without_a_record_the_published_journal_is_read(stage: Stage) -> None:
    stage.done("append-history", **WP01, note="n")
    rows = gathered(stage)["journal"]["rows"]
    forget(stage.root)
    data = gathered(stage)
    assert (data["head"], data["journal"]["rows"]) == (None, rows)


class Interrupted(ProjectReports):
    """Another process changes the project between the board and the journal."""

    __slots__ = ()

    def _mission(self, slug: str, since: datetime | None) -> Any:
        mission = super()._mission(slug, since)
        ended = Stage(root=self.project.root).run(
            *("orchestrator-api", "append-history", "--mission", slug, "--wp", "WP01"),
            *("--actor", "someone", "--note", "meanwhile"),
        )
        assert ended.exit_code == 0, ended
        return mission


@pytest.mark.long
def test_commits_during_the_report_are_in_no_part_of_it(stage: Stage) -> None:
    stage.done("append-history", **WP01, note="n")

    def told(kind: type[ProjectReports]) -> ProjectReport:
        return kind(Project(stage.root)).gather(None, since=None, most_rows=9)

    during = told(Interrupted)
    assert (during.journal.total, during.head) == (1, _head_before(stage, 1))
    assert told(ProjectReports).journal.total == 2
    assert len([*JournalFiles(Layout(stage.root).journal).lines()]) == 2


def _head_before(stage: Stage, seq: int) -> str:
    record = found(Layout(stage.root))
    assert record is not None
    entry = record.entry_published(seq)
    assert entry is not None
    return f"{record.id}:{entry.position}:{entry.head.hex()}"


def test_a_damaged_line_is_counted_and_the_rest_is_read(stage: Stage) -> None:
    stage.done("append-history", **WP01, note="n")
    stage.done("append-history", **WP01, note="n")
    record = found(Layout(stage.root))
    assert record is not None
    with record.writing() as connection:
        connection.execute("UPDATE entry SET published = 'garbage' WHERE seq = 1")
    journal = gathered(stage)["journal"]
    assert (journal["damaged"], journal["total"]) == (1, 1)


def test_gathering_writes_nothing(stage: Stage) -> None:
    stage.done("append-history", **WP01, note="n")
    gathered(stage)
    before = _files(stage.root)
    gathered(stage)
    assert _files(stage.root) == before


def _files(root: Path) -> dict[str, tuple[int, int]]:
    inside = (it for it in root.rglob("*") if it.is_file() and it.suffix != ".db-shm")
    return {
        str(it): (it.stat().st_size, it.stat().st_mtime_ns)
        for it in inside
        if "-shm" not in it.name
    }


@pytest.mark.long
def test_a_refused_request_is_listed_under_the_mission_that_it_named(stage: Stage) -> None:
    names = ["001", "search", "gone", "nul\0", "../x", "x" * 300]
    for number, named in enumerate(names):
        stage.put(f"asked-{number}", "transition", **WP01 | {"mission": named}, to="gone")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    journal = gathered(stage)["journal"]
    told = {it["correlation_id"]: it["mission"] for it in journal["rows"]}
    assert journal["damaged"] == 0
    assert [told[f"asked-{number}"] for number in range(len(names))] == [SLUG, SLUG, *names[2:]]
