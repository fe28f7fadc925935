"""`spec-kitty mailbox tail`, `verify` and `status` with a hostile or damaged outbox."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.mailbox import mailbox
from specify_cli.mailbox.layout import MailboxLayout
from tests.integration.stage import SLUG, Stage

ESCAPE = "\x1b[31m"
SOUND: dict[str, Any] = {
    "at": "2026-01-01T00:00:00Z",
    "door": "mailbox",
    "identity": "default",
    "command": "orchestrator-api.append-history",
    "args": {"mission": "034-search", "wp": "WP01"},
    "envelope": {"error_code": None, "data": {}},
}
REFUSED = {"error_code": "HOST_ERROR", "data": {"message": "no"}}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MailboxLayout:
    """A project with an empty mailbox, as the working directory."""
    (tmp_path / "kitty-specs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = MailboxLayout(tmp_path)
    made.ensure()
    return made


def write(layout: MailboxLayout, *lines: dict[str, Any]) -> None:
    numbered = ({"seq": n, "correlation_id": f"c{n}"} | line for n, line in enumerate(lines, 1))
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in numbered)
    layout.journal.write_text(text)


def tail(*words: str) -> Result:
    # Click removes color codes unless the output is a terminal, so a terminal is simulated.
    runner = CliRunner(env={"NO_COLOR": "1"})
    return runner.invoke(mailbox, ["tail", "--no-follow", *words], color=True)


def test_tail_prints_aligned_columns_with_the_reason_of_a_refusal(layout: MailboxLayout) -> None:
    done = {"error_code": None, "data": {"from_lane": "planned", "to_lane": "claimed"}}
    moved = {"command": "orchestrator-api.transition", "actor": "ada", "envelope": done}
    timed = {"envelope": {**REFUSED, "timestamp": "2026-01-01T00:00:01.5Z"}}
    write(layout, SOUND | moved, SOUND | {"args": None, "door": "cli"} | timed)
    head, first, second = tail().stdout.splitlines()
    move = head.index("FROM -> TO")
    assert [it[:move].rstrip() for it in (head, first, second)] == [
        "LINE  TIME                  ORCHESTRATOR  ACTOR  COMMAND         MISSION     WP",
        "   1  2026-01-01 00:00:00Z  default       ada    transition      034-search  WP01",
        "   2  2026-01-01 00:00:00Z  cli           -      append-history  -           -",
    ]
    assert [it[move:] for it in (head, first, second)] == [
        "FROM -> TO          OUTCOME      TOOK  ID  REASON",
        "planned -> claimed  OK              -  c1",
        "-                   HOST_ERROR  1.5 s  c2  no",
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mission", "034-search"], ["c1", "c2", "c3"]),
        (["--wp", "WP02"], ["c2"]),
        (["--actor", "bob"], ["c2"]),
        (["--orchestrator", "cli"], ["c3"]),
        (["--command", "transition"], ["c4"]),
        (["--failed"], ["c3", "c4"]),
        (["--code", "host_error", "--mission", "034-search"], ["c3"]),
        (["--since", "2026-01-02T00:00"], ["c3", "c4"]),
        (["--until", "2026-01-02T00:00:00+00:00"], ["c1", "c2", "c3"]),
        (["--since", "1h"], []),
        (["--failed", "-n", "1"], ["c4"]),
    ],
    ids=str,
)
def test_tail_prints_only_lines_that_match_all_filters(
    layout: MailboxLayout, words: list[str], expected: list[str]
) -> None:
    write(
        layout,
        SOUND,
        SOUND | {"actor": "bob", "args": {"mission": "034-search", "wp": "WP02"}},
        SOUND | {"door": "cli", "at": "2026-01-02T00:00:00Z", "envelope": REFUSED},
        SOUND
        | {"command": "orchestrator-api.transition", "args": None}
        | {"at": "2026-01-03T00:00:00Z", "envelope": REFUSED},
    )
    said = tail("--json", *words).stdout.splitlines()
    assert [json.loads(line)["correlation_id"] for line in said] == expected


def test_tail_refuses_an_invalid_time(layout: MailboxLayout) -> None:
    done = tail("--since", "yesterday")
    assert done.exit_code == 2
    assert "such as 2h" in done.stderr


@pytest.mark.parametrize(
    "strange",
    [
        *({name: ESCAPE} for name in ("at", "identity", "command")),
        {"command": f"a.{ESCAPE}"},
        {"args": {"mission": ESCAPE, "wp": [ESCAPE]}},
        {"envelope": {"error_code": ESCAPE, "data": {"message": ESCAPE}}},
        {"envelope": {"error_code": [ESCAPE], "data": {"message": {ESCAPE: ESCAPE}}}},
    ],
    ids=repr,
)
def test_tail_escapes_control_characters_in_every_field(
    layout: MailboxLayout, strange: dict[str, Any]
) -> None:
    write(layout, SOUND | strange)
    done = tail()
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert len(done.stdout.splitlines()) == 2


def test_tail_escapes_control_characters_in_a_duplicate_id(layout: MailboxLayout) -> None:
    rest = json.dumps(SOUND | {"correlation_id": ESCAPE})[1:]
    layout.journal.write_text('{"seq":1,"correlation_id":"a",' + rest + "\n")
    done = tail()
    assert done.exit_code == 0
    assert "\x1b" not in done.output


@pytest.mark.parametrize(
    "strange",
    [{"envelope": None}, {"envelope": {}}, {"args": [1]}, {"command": 7}, {"envelope": [ESCAPE]}],
    ids=repr,
)
def test_tail_prints_the_known_fields_of_a_malformed_line(
    layout: MailboxLayout, strange: dict[str, Any]
) -> None:
    write(layout, SOUND | strange, SOUND)
    done = tail()
    assert done.exit_code == 0
    assert [line.split()[-1] for line in done.stdout.splitlines()[1:]] == ["c1", "c2"]


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("words", [["tail"], ["tail", "--no-follow"], ["verify"], ["show", "a"]])
def test_a_journal_that_is_not_a_regular_file_is_a_storage_failure(
    layout: MailboxLayout, plant: Any, words: list[str]
) -> None:
    plant(layout.journal)
    done = CliRunner().invoke(mailbox, words)
    assert done.exit_code == 2
    assert "STORAGE_FAILED" in done.stderr


def test_status_ignores_a_heartbeat_that_is_nested_too_deeply(layout: MailboxLayout) -> None:
    layout.heartbeat.write_text("[" * 50_000)
    done = CliRunner().invoke(mailbox, ["status"])
    assert done.exit_code == 2
    assert "no worker" in done.stdout


def test_tail_prints_lines_of_a_removed_journal_from_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage(root=tmp_path / "project")
    stage.make_repository()
    stage.write_mission({"WP01": {}})
    for number in range(3):
        stage.done(
            "append-history",
            correlation_id=f"asked-{number}",
            mission=SLUG,
            wp="WP01",
            actor="ada",
            note="n",
        )
    (stage.root / ".kitty" / "outbox" / "journal.jsonl").unlink()
    monkeypatch.chdir(stage.root)
    told = CliRunner().invoke(mailbox, ["tail", "--no-follow", "-n", "2"])
    assert [f"asked-{it}" in told.stdout for it in range(3)] == [False, True, True]
    assert CliRunner().invoke(mailbox, ["tail", "--no-follow", "-n", "0"]).stdout == ""
