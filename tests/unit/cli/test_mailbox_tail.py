"""`spec-kitty mailbox tail`, `verify` and `status` on what a stranger has put in the outbox."""

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
    """A project, the working directory, whose mailbox is empty."""
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


def tail() -> Result:
    # As a terminal gets it: elsewhere click takes codes of colours out itself.
    runner = CliRunner(env={"NO_COLOR": "1"})
    return runner.invoke(mailbox, ["tail", "--no-follow"], color=True)


def test_a_line_is_told_in_words(layout: MailboxLayout) -> None:
    write(layout, SOUND, SOUND | {"args": None, "door": "cli", "envelope": REFUSED})
    assert tail().stdout.splitlines() == [
        "2026-01-01T00:00:00  default  append-history 034-search WP01  c1  OK",
        "2026-01-01T00:00:00  cli  append-history  c2  HOST_ERROR: no",
    ]


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
def test_no_value_of_a_line_plays_with_the_terminal(
    layout: MailboxLayout, strange: dict[str, Any]
) -> None:
    write(layout, SOUND | strange)
    done = tail()
    assert done.exit_code == 0
    assert "\x1b" not in done.output
    assert len(done.stdout.splitlines()) == 1


def test_an_id_that_is_there_twice_does_not_reach_the_terminal(layout: MailboxLayout) -> None:
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
def test_a_line_of_another_shape_is_told_to_be_damaged_and_the_next_is_shown(
    layout: MailboxLayout, strange: dict[str, Any]
) -> None:
    write(layout, SOUND | strange, SOUND)
    done = tail()
    assert done.exit_code == 0
    assert "journal line 1 is damaged" in done.stderr
    assert [line.split()[-2] for line in done.stdout.splitlines()] == ["c2"]


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir])
@pytest.mark.parametrize("words", [["tail"], ["tail", "--no-follow"], ["verify"], ["show", "a"]])
def test_what_is_no_file_in_the_journal_s_place_could_not_be_checked(
    layout: MailboxLayout, plant: Any, words: list[str]
) -> None:
    plant(layout.journal)
    done = CliRunner().invoke(mailbox, words)
    assert done.exit_code == 2
    assert "STORAGE_FAILED" in done.stderr


def test_a_heartbeat_that_is_nested_too_deeply_is_none(layout: MailboxLayout) -> None:
    layout.heartbeat.write_text("[" * 50_000)
    done = CliRunner().invoke(mailbox, ["status"])
    assert done.exit_code == 1
    assert "no worker" in done.stdout


def test_lines_that_the_files_have_lost_are_shown_all_the_same(
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
