"""Prompts, notes and reviews of an answer are in its reply, but not in the published journal."""

from __future__ import annotations

import pytest

from specify_cli.conformance import journal_chain
from tests.integration.record.test_redact import SECRET, holders, redact
from tests.integration.stage import SLUG, Stage

WP01 = {"mission": SLUG, "wp": "WP01"}


def serve(stage: Stage) -> None:
    served = stage.run("mailbox", "serve", "--once")
    assert served.exit_code == 0, served


@pytest.fixture
def told(stage: Stage) -> Stage:
    """A prompt and a note contain the secret, and a client has read both."""
    folder = stage.write_mission({"WP01": {}})
    prompt = folder / "tasks" / "WP01-step.md"
    prompt.write_text(f"{prompt.read_text()}\n{SECRET}\n")
    stage.put("note", "append-history", policy=None, **WP01, actor="ada", note=f"use {SECRET}")
    serve(stage)
    stage.put("prompt", "show-prompt", policy=None, **WP01)
    stage.put("history", "package-history", policy=None, **WP01)
    stage.put("again", "package-history", policy=None, **WP01)
    serve(stage)
    return stage


def test_private_text_is_only_in_the_reply_and_a_repeat_gets_it_again(told: Stage) -> None:
    replies = {it: told.reply(it) for it in ("prompt", "history", "again")}
    assert SECRET in replies["prompt"]["data"]["prompt"]
    assert replies["history"]["data"]["history"][0]["note"] == f"use {SECRET}"
    assert not any("outbox/journal" in it for it in holders(told))
    lines = {it["correlation_id"]: it["envelope"]["data"] for it in told.journal()}
    assert lines["prompt"]["wp_id"] == "WP01"
    assert "prompt" not in lines["prompt"]
    assert "history" not in lines["history"]
    assert [*journal_chain.chain_errors(told.root / ".kitty" / "outbox")] == []
    for name in replies:
        (told.root / ".kitty" / "outbox" / f"{name}.json").unlink()
    told.put("prompt", "show-prompt", policy=None, **WP01)
    told.put("history", "package-history", policy=None, **WP01)
    serve(told)
    assert {it: told.reply(it) for it in ("prompt", "history")} == {
        it: replies[it] for it in ("prompt", "history")
    }
    verified = told.run("mailbox", "verify")
    assert verified.exit_code == 0, verified


def test_redaction_of_a_note_removes_it_from_every_answer(told: Stage) -> None:
    done = redact(told, "note")
    assert done.exit_code == 0
    assert b"lines of the log: 1, lines of the journal: 0, replies: 3," in done.stdout
    prompt = f"kitty-specs/{SLUG}/tasks/WP01-step.md"
    assert holders(told) == [prompt]
    assert "history" not in told.reply("history")["data"]
    verified = told.run("mailbox", "verify")
    assert verified.exit_code == 0, verified
    assert redact(told, "prompt").exit_code == 2


def test_secret_that_is_only_in_an_answer_is_redacted(told: Stage) -> None:
    assert redact(told, "prompt").exit_code == 0
    assert "prompt" not in told.reply("prompt")["data"]
    told.put("later", "mission-state", policy=None, mission=SLUG)
    serve(told)
    verified = told.run("mailbox", "verify")
    assert verified.exit_code == 0, verified
