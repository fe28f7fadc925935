"""A secret is not left in the intent of an unfinished request."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from specify_cli.storage import records
from specify_cli.storage.intents import Intents
from specify_cli.storage.layout import Layout
from specify_cli.storage.record_redaction import forms_of
from tests.integration.record.test_redact import SECRET, holders, redact
from tests.integration.stage import SLUG, TIMEOUT_S, Stage, environment

DYING = """
import os, signal, sys
from specify_cli.vcs import merge
merge.apply = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from specify_cli.__main__ import main
main()
"""


def kill_a_merge(stage: Stage, *words: str, folder: Path | None = None) -> None:
    """Kill a merge after its intent is recorded and before anything has moved."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, "merge", "--mission", SLUG, *words],
        cwd=folder or stage.root,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done


@pytest.fixture
def accepted(stage: Stage) -> Stage:
    """WP01 is approved and accepted, and one of its notes contains the secret."""
    folder = stage.write_mission({"WP01": {"owned_files": ["src/one/**"]}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.approve("WP01", {"src/one/a.py": "1\n"})
    stage.done(
        "append-history", mission=SLUG, wp="WP01", actor="ada", note=SECRET, correlation_id="one"
    )
    stage.done("accept-mission", mission=SLUG, actor="ada")
    return stage


def test_intent_of_an_unfinished_merge_does_not_contain_the_secret(accepted: Stage) -> None:
    kill_a_merge(accepted)
    record = records.found(Layout(accepted.root))
    assert record is not None
    (intent,) = Intents(record).all()
    assert not intent.has(forms_of(SECRET))
    # As of another machine: it is only completed if a person asks for it.
    with record.writing() as connection:
        connection.execute("UPDATE intent SET machine = 'another'")
    assert redact(accepted, "one").exit_code == 0
    assert holders(accepted) == []
    assert accepted.run("doctor", "--fix").exit_code in (0, 1)
    merged = accepted.run("merge", "--mission", SLUG)
    assert merged.exit_code == 0, merged
    assert holders(accepted) == []
    assert accepted.run("mailbox", "verify").exit_code == 0


def test_redaction_of_an_unfinished_request_is_refused_until_it_is_completed(
    accepted: Stage,
) -> None:
    kill_a_merge(accepted, "--actor", "the horse")
    record = records.found(Layout(accepted.root))
    assert record is not None
    (intent,) = Intents(record).all()
    with record.writing() as connection:
        connection.execute("UPDATE intent SET machine = 'another'")
    other = redact(accepted, "one", secret="the horse is")
    assert other.exit_code == 0, other
    refused = redact(accepted, intent.id, secret="the horse")
    assert refused.exit_code == 2, refused
    assert b"is not finished" in refused.stderr
    assert b"run 'spec-kitty doctor --fix'" in refused.stderr
    assert accepted.run("doctor", "--fix").exit_code in (0, 1)
    refused = redact(accepted, intent.id, secret="the horse")
    # It is complete now, and an actor's name cannot be redacted.
    assert b"that text is in actor" in refused.stderr, refused


def test_redact_prints_a_command_for_the_next_request_with_the_text(accepted: Stage) -> None:
    note = {"mission": SLUG, "wp": "WP01", "actor": "ada", "note": f"again {SECRET}"}
    accepted.done("append-history", **note, correlation_id="two")
    told = redact(accepted, "one").stderr.decode()
    assert "next: spec-kitty redact --reason 'a password' " in told
    command = next(it for it in told.splitlines() if "next: " in it).partition("next: ")[2]
    done = subprocess.run(
        command.replace("spec-kitty", f"{sys.executable} -m specify_cli"),
        shell=True,
        cwd=accepted.root,
        env=environment(),
        input=SECRET.encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done
    assert holders(accepted) == []
