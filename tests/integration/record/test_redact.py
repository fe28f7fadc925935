"""`spec-kitty redact` removes a secret everywhere, and everything else can still be verified."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from specify_cli.conformance import journal_chain
from specify_cli.storage import records
from specify_cli.storage.layout import Layout
from tests.campaign import sampled
from tests.integration.stage import SLUG, TIMEOUT_S, Outcome, Stage, environment

SURE = 6
"""Every redaction takes more steps than this."""

SECRET = "the horse is \u00e9lan-4711"


@pytest.fixture
def told(stage: Stage) -> Stage:
    """A note and a refused request contain the secret; the log is committed with it."""
    folder = stage.write_mission(
        {"WP01": {"owned_files": ["src/one/**"]}, "WP02": {"owned_files": ["src/two/**"]}}
    )
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    stage.put("one", "append-history", mission=SLUG, wp="WP01", actor="ada", note=f"use {SECRET}!")
    stage.put("two", "transition", mission=SLUG, wp="WP01", actor="ada", to=f"lane {SECRET}")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="goes on")
    return stage


def redact(stage: Stage, about: str, *words: str, secret: str = SECRET) -> Outcome:
    why = ("--reason", "a password", "--actor", "ada")
    done = subprocess.run(
        [sys.executable, "-m", "specify_cli", "redact", about, *why, *words],
        cwd=stage.root,
        env=environment(),
        input=secret.encode() + b"\n",
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def holders(stage: Stage, secret: str = SECRET) -> list[str]:
    """The project's files, except git objects, that contain the secret in some form."""
    forms = (secret.encode(), json.dumps(secret)[1:-1].encode())
    files = (it for it in stage.root.rglob("*") if it.is_file() and "objects" not in it.parts)
    return [
        str(it.relative_to(stage.root)) for it in files if any(x in it.read_bytes() for x in forms)
    ]


def heads(stage: Stage) -> list[bytes]:
    record = records.found(Layout(stage.root))
    assert record is not None
    return [it.head for it in record.entries()]


def test_redaction_removes_the_secret_everywhere_and_keeps_the_heads(told: Stage) -> None:
    before = heads(told)
    assert told.run("mailbox", "tail", "--no-follow").exit_code == 0
    assert any("journal-index.db" in it for it in holders(told))
    done = redact(told, "one", "--json")
    assert done.exit_code == 0, done
    data = done.envelope["data"]
    assert (data["log_lines"], data["published_lines"]) == (1, 0)
    assert len(data["commits"]) == 1
    assert data["also_in"] == ["two"]
    assert subprocess.run(data["look"], shell=True, capture_output=True, check=True).stdout
    assert redact(told, "two").exit_code == 0
    assert told.run("mailbox", "tail", "--no-follow").exit_code == 0
    assert holders(told) == []
    assert heads(told)[: len(before)] == before
    done = told.run("mailbox", "verify")
    assert (done.exit_code, done.stdout) == (0, b""), done
    assert b"note: one was redacted by ada" in done.stderr
    assert [*journal_chain.chain_errors(told.root / ".kitty" / "outbox")] == []
    assert told.events()[-2]["delta"]["note"].startswith("[redacted sha256:")


def test_reply_and_published_line_say_that_text_was_redacted(told: Stage) -> None:
    assert redact(told, "one").exit_code == 0
    first = (told.root / ".kitty/outbox/journal.jsonl").read_bytes()
    assert redact(told, "two").exit_code == 0
    assert told.reply("two")["data"]["message"].startswith("[redacted sha256:")
    line = next(it for it in told.journal() if it["correlation_id"] == "two")
    assert line["redacted"].startswith("sha256:")
    assert line["envelope"] == told.reply("two")
    assert [it["seq"] for it in told.journal()] == [*range(1, len(told.journal()) + 1)]
    # A reader that follows the newest part sees no line twice.
    follows = (told.root / ".kitty/outbox/journal.jsonl").read_bytes()
    assert not any(it in follows for it in first.splitlines())
    told.put("two", "transition", mission=SLUG, wp="WP01", actor="ada", to=f"lane {SECRET}")
    assert told.run("mailbox", "serve", "--once").exit_code == 0
    assert holders(told) == []


def test_secret_restored_by_git_is_removed_by_the_next_change(told: Stage) -> None:
    assert redact(told, "one").exit_code == 0
    told.git("checkout", "-f", "--", ".")
    assert f"kitty-specs/{SLUG}/status.events.jsonl" in holders(told)
    assert b"has text that was redacted" in told.run("status").stderr
    told.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="more")
    assert not any(it.startswith("kitty-specs") for it in holders(told))


def test_verify_still_reports_other_changes(told: Stage) -> None:
    assert redact(told, "two").exit_code == 0
    (part,) = (told.root / ".kitty/outbox").glob("journal-*.jsonl")
    lines = part.read_text().splitlines(keepends=True)
    place = next(n for n, it in enumerate(lines, start=1) if '"correlation_id":"two"' in it)
    part.write_text(part.read_text().replace("[redacted sha256:", "[redacted sha257:"))
    done = told.run("mailbox", "verify")
    assert done.exit_code == 1
    assert f"{part.name} line {place}: is not what the host wrote" in done.stdout.decode()


def test_line_of_another_program_is_redacted(told: Stage) -> None:
    line = {
        "event_id": "01JD8Z6W3M4Y6T1F8B2Q5R7X9N",
        "at": "2026-01-01T00:00:00+00:00",
        "actor": "bo",
        "wp_id": "WP02",
        "kind": "annotation",
        "delta": {"note": SECRET},
    }
    with told.log().open("a") as log:
        log.write(json.dumps(line) + "\n")
    told.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="takes it in")
    before = heads(told)
    assert redact(told, line["event_id"]).exit_code == 0  # type: ignore[arg-type]
    assert heads(told)[: len(before)] == before
    assert told.run("mailbox", "verify").exit_code == 0
    told.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="goes on")
    (found,) = (it for it in told.events() if it.get("actor") == "bo")
    assert found["delta"]["note"].startswith("[redacted sha256:")


def test_temporary_file_of_a_killed_writer_is_removed(told: Stage) -> None:
    draft = told.root / ".kitty" / "outbox" / f".two.json.{'0' * 16}.tmp"
    draft.write_bytes((told.root / ".kitty" / "outbox" / "two.json").read_bytes())
    assert redact(told, "two").exit_code == 0
    assert not draft.exists()


def test_files_replaced_by_a_restore_are_named(told: Stage, tmp_path: Path) -> None:
    for command in ("backup", "restore"):
        assert told.run(command, str(tmp_path / "a.backup")).exit_code == 0
    done = redact(told, "two", "--json")
    assert done.exit_code == 0
    left = done.envelope["data"]["left"]
    assert left
    assert {told.root / it for it in holders(told) if "/replaced/" in it} == {*map(Path, left)}


def test_second_text_of_a_published_line_is_redacted(told: Stage) -> None:
    told.put(
        "three", "transition", mission=SLUG, wp="WP01", actor="secret-name", to=f"lane {SECRET}"
    )
    assert told.run("mailbox", "serve", "--once").exit_code == 0
    assert redact(told, "three").exit_code == 0
    assert redact(told, "three", secret="secret-name").exit_code == 0
    assert holders(told, "secret-name") == []
    verified = told.run("mailbox", "verify")
    assert (verified.exit_code, verified.stdout) == (0, b""), verified


def test_redaction_of_anything_but_free_text_is_refused(told: Stage) -> None:
    refused = redact(told, "one", secret="append-history")
    assert (refused.exit_code, b"command" in refused.stderr) == (2, True), refused
    for about, secret, why in (
        ("nobody", SECRET, b"there is no event"),
        ("one", "not in there", b"no note, reason or message"),
        ("one", "abc", b"fewer than 4"),
    ):
        refused = redact(told, about, secret=secret)
        assert (refused.exit_code, why in refused.stderr) == (2, True), refused


def test_body_of_a_dead_letter_is_redacted(told: Stage) -> None:
    told.put("one", "append-history", mission=SLUG, wp="WP02", actor="ada", note=f"or {SECRET}?")
    assert told.run("mailbox", "serve", "--once").exit_code == 0
    assert any("dead-letters" in it for it in holders(told))
    assert redact(told, "one").exit_code == 0
    assert not any("dead-letters" in it for it in holders(told))


@pytest.mark.parametrize("step", sampled(range(1, 22, 2), every=3))
def test_killed_redaction_is_completed_by_the_next_command(told: Stage, step: int) -> None:
    """It is killed before the n-th file replacement or commit; the next command of any kind completes it."""
    program = (
        "import os, signal, sys\n"
        "from specify_cli.files import atomic\n"
        "from specify_cli.storage import record\n"
        f"left = [{step}]\n"
        "def dying(real):\n"
        "    def do(*args, **kw):\n"
        "        left[0] -= 1\n"
        "        if not left[0]:\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return real(*args, **kw)\n"
        "    return do\n"
        "os.rename, os.replace, os.ftruncate = map(dying, (os.rename, os.replace, os.ftruncate))\n"
        "record.Record.writing = dying(record.Record.writing)\n"
        "record.Record.finish_redaction = dying(record.Record.finish_redaction)\n"
        "from specify_cli.__main__ import main\n"
        "sys.argv[1:] = ['redact', 'two', '--reason', 'r', '--actor', 'ada']\n"
        "main()\n"
    )
    before = heads(told)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=told.root,
        env=environment(),
        input=SECRET.encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode in ((-signal.SIGKILL,) if step < SURE else (0, -signal.SIGKILL)), done
    record = records.found(Layout(told.root))
    assert record is not None
    if not record.redactions():
        assert redact(told, "two").exit_code == 0
    told.run("move", "WP02", "blocked", "--mission", SLUG, "--actor", "ada")
    redact(told, "one")
    assert holders(told) == [], done
    assert heads(told)[: len(before)] == before
    verified = told.run("mailbox", "verify")
    assert (verified.exit_code, verified.stdout) == (0, b""), verified


def test_log_lines_of_other_programs_are_kept(told: Stage) -> None:
    claim = next(it for it in told.events() if it.get("to_lane") == "claimed")
    theirs = {key: it for key, it in claim.items() if key not in ("correlation_id", "batch")}
    theirs |= {"event_id": "01JD8Z6W3M4Y6T1F8B2Q5R7X9N", "wp_id": "WP02", "actor": "colleague"}
    theirs.pop("request_digest", None)
    with told.log().open("a") as log:
        log.write(json.dumps(theirs) + "\n")
    assert told.lane("WP02") == "claimed"
    assert redact(told, "one").exit_code == 0
    assert told.lane("WP02") == "claimed"
    assert [it for it in told.events() if it["actor"] == "colleague"]
    assert told.ask("start-implementation", mission=SLUG, wp="WP02", actor="bo")["error_code"]


def test_id_used_in_two_missions_is_redacted_in_both(told: Stage) -> None:
    told.write_mission({"WP01": {}}, slug="002-find")
    config = told.root / ".kitty" / "config.toml"
    config.write_text('[orchestrators.other]\ncommands = ["all"]\n')
    config.chmod(0o644)
    asked = {"mission": "002-find", "wp": "WP01", "actor": "bo", "note": f"also {SECRET}"}
    assert told.run("mailbox", "serve", "--once").exit_code == 0
    inbox = told.root / ".kitty" / "inbox" / "other"
    body = {"contract_version": "1.5.0", "correlation_id": "one", "command": "append-history"}
    (inbox / "one.json").write_text(json.dumps(body | {"args": asked}))
    assert told.run("mailbox", "serve", "--once").exit_code == 0
    done = redact(told, "one", "--json")
    assert done.envelope["data"]["log_lines"] == 2
    assert redact(told, "two").exit_code == 0
    assert holders(told) == []
    assert told.run("mailbox", "verify").exit_code == 0


def test_forged_redaction_of_a_read_is_reported(told: Stage) -> None:
    told.put("read", "mission-state", mission=SLUG)
    assert told.run("mailbox", "serve", "--once").exit_code == 0
    record = records.found(Layout(told.root))
    assert record is not None
    line = record.find("read") or b""
    true = hashlib.sha256(line).hexdigest()
    forged = json.loads(line) | {"command": "forged", "redacted": f"sha256:{true}"}
    with record.writing() as connection:
        order = "INSERT INTO content (digest, data) VALUES (?, ?)"
        empty = connection.execute(order, (b"empty", b"")).lastrowid
        values = (json.dumps(forged, separators=(",", ":")).encode() + b"\n", empty)
        connection.execute(
            "UPDATE entry SET published = ?, content = ?, content_at = 0 WHERE position ="
            " (SELECT position FROM request WHERE id = 'read')",
            values,
        )
    told.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="goes on")
    assert "says that it was redacted, but the record has no such redaction" in " ".join(
        record.faults()
    )
