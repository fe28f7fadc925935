"""`spec-kitty mailbox` on the folders of a mailbox that a real worker has served."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.mailbox import mailbox
from specify_cli.files.locks import LifeLock
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.worker import Worker
from tests.unit.mailbox.recording import SETTINGS, RecordingDispatcher, put


def run(*arguments: str) -> Result:
    return CliRunner().invoke(mailbox, arguments)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MailboxLayout:
    """A project with an unused mailbox, as the working directory."""
    (tmp_path / "kitty-specs").mkdir()
    (tmp_path / ".kittify").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    return MailboxLayout(tmp_path)


@pytest.fixture
def served(project: MailboxLayout) -> MailboxLayout:
    project.ensure()
    put(project, "one", n=1)
    (project.inbox / "bad\x1b[31m name").touch()
    Worker(project, RecordingDispatcher(project), settings=SETTINGS, log=lambda _: None).drain()
    return project


def test_reads_of_an_unused_mailbox_create_nothing(project: MailboxLayout) -> None:
    unserved = run("status")
    assert unserved.exit_code == 2
    assert "no worker has served it yet" in unserved.stdout
    assert run("verify").exit_code == 0
    assert run("show", "one").exit_code == 1
    assert run("dead-letters", "list").exit_code == 0
    assert not project.kitty.exists()


def test_serve_once_on_an_empty_inbox_succeeds(project: MailboxLayout) -> None:
    assert run("serve", "--once").exit_code == 0
    assert project.heartbeat.exists()


def test_second_worker_is_refused_naming_the_first(project: MailboxLayout) -> None:
    project.ensure()
    lock = LifeLock.try_acquire(project.worker_lock)
    assert lock is not None
    refused = run("serve", "--once")
    lock.release()
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert f"process {os.getpid()}" in refused.stderr


def test_serve_is_refused_with_an_invalid_config(project: MailboxLayout) -> None:
    project.ensure()
    put(project, "one", n=1)
    (project.kitty / "config.toml").write_text(
        '[orchestrators.default]\ncommands = ["read_only"]\n'
    )
    refused = run("serve", "--once")
    assert refused.exit_code == 1
    assert "orchestrators.default.commands.0" in refused.stderr
    assert (project.inbox / "one.json").exists()


def test_status_prints_text_or_json(served: MailboxLayout) -> None:
    told = run("status")
    assert "no worker; the last one stopped at " in told.stdout
    assert "spec-kitty mailbox serve" in told.stderr
    report = json.loads(run("status", "--json").stdout)["data"]
    assert report["worker_is_alive"] is False
    assert report["depth_now"] == 0
    assert report["worker"]["state"] == "stopped"


def test_show_prints_an_answered_request(served: MailboxLayout) -> None:
    shown = run("show", "one", "--json")
    assert shown.exit_code == 0
    line = json.loads(shown.stdout)["data"]["line"]
    assert line["envelope"]["data"] == {"echo": {"n": 1}}


def test_dead_letters_list_escapes_control_characters(served: MailboxLayout) -> None:
    listed = run("dead-letters", "list")
    assert listed.exit_code == 0
    assert len(listed.stdout.splitlines()) == 2  # A line of headings, and one for the letter.
    assert "\x1b" not in listed.stdout


def letters(*words: str) -> list[dict[str, Any]]:
    envelope = json.loads(run("dead-letters", "list", *words, "--json").stdout)
    found: list[dict[str, Any]] = envelope["data"]["dead_letters"]
    return found


def test_dead_letters_list_waiting_omits_settled_ones(served: MailboxLayout) -> None:
    (record,) = letters()
    settled = served.dead_letters / record["dead_letter"]
    assert len(letters("--waiting")) == 1
    fate = {"fate": {"state": "discarded", "actor": "ada", "at": "now", "correlation_id": "two"}}
    settled.with_suffix(".settled").write_text(json.dumps(record | fate))
    assert letters("--waiting") == []
    assert len(letters()) == 1


def test_verify_reports_a_reply_that_was_changed(served: MailboxLayout) -> None:
    assert run("verify").exit_code == 0
    (served.outbox / "one.json").write_text("{}")
    broken = run("verify")
    assert broken.exit_code == 1
    assert broken.stdout.startswith("one.json")


def test_verify_reports_a_journal_line_without_a_required_field(served: MailboxLayout) -> None:
    whole = served.journal.read_text()
    assert '"event_ids":' in whole
    served.journal.write_text(whole.replace('"event_ids":', '"happened":'))
    broken = run("verify")
    assert broken.exit_code == 1
    assert broken.stdout.startswith("journal.jsonl line 1: ")


def test_verify_prints_json(served: MailboxLayout) -> None:
    sound = run("verify", "--json")
    assert (sound.exit_code, json.loads(sound.stdout)["data"]) == (
        0,
        {"is_sound": True, "breaks": [], "notes": []},
    )
    (served.outbox / "one.json").write_text("{}")
    broken = run("verify", "--json")
    report = json.loads(broken.stdout)["data"]
    assert (broken.exit_code, report["is_sound"], len(report["breaks"])) == (1, False, 1)


def test_verify_outside_a_project_exits_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run("verify").exit_code == 2


@pytest.mark.parametrize("command", ["serve", "status", "verify", "show"])
def test_every_help_text_has_an_example(command: str) -> None:
    assert "Example: spec-kitty mailbox" in run(command, "--help").stdout
