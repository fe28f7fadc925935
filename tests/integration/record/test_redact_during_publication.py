"""A redaction runs between an answer and the publication of its reply: the reply is redacted, too."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.integration.record.test_redact import SECRET, holders, redact
from tests.integration.stage import SLUG, TIMEOUT_S, Stage, environment

WP01 = {"mission": SLUG, "wp": "WP01"}
LATE = """
import os, subprocess, sys
from specify_cli.__main__ import main
from specify_cli.mailbox.outbox import Outbox

late, about, secret, ending = sys.argv[1:]
publish = Outbox.publish

def publish_late(self, stem, reply):
    is_first = stem == late and not os.path.lexists("redacted")
    if is_first:
        open("redacted", "w").close()
        words = ["redact", about, "--reason", "a password", "--actor", "ada"]
        subprocess.run(
            [sys.executable, "-m", "specify_cli", *words], input=secret.encode(), check=True
        )
    published = publish(self, stem, reply)
    if is_first and ending == "killed":
        os._exit(9)
    return published

Outbox.publish = publish_late
sys.argv = ["spec-kitty", "mailbox", "serve", "--once"]
main()
"""
"""A worker that publishes one reply after the redaction, and may be killed then."""


def serve_late(stage: Stage, late: str, *, about: str, ending: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", LATE, late, about, SECRET, ending],
        cwd=stage.root,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    ).returncode


@pytest.fixture
def asked(stage: Stage) -> Stage:
    """Two waiting requests whose answers will contain the secret: a refusal and a history."""
    stage.write_mission({"WP01": {}})
    stage.done(
        "append-history", policy=None, correlation_id="note", **WP01, actor="ada", note=SECRET
    )
    stage.put("refused", "transition", **WP01, actor="ada", to=f"lane {SECRET}")
    stage.put("history", "package-history", policy=None, **WP01)
    return stage


@pytest.mark.long
@pytest.mark.parametrize(
    ("late", "about", "ending"),
    [
        ("refused", "refused", ""),
        ("refused", "refused", "killed"),
        ("history", "note", ""),
        ("history", "note", "killed"),
    ],
)
def test_reply_published_after_the_redaction_is_redacted(
    asked: Stage, late: str, about: str, ending: str
) -> None:
    code = serve_late(asked, late, about=about, ending=ending)
    assert code == (9 if ending else 0)
    if ending:
        assert asked.run("mailbox", "serve", "--once").exit_code == 0
    assert SECRET not in str(asked.reply(late))
    for other in {"refused", "note"} - {about}:
        assert redact(asked, other).exit_code == 0
    assert holders(asked) == []
