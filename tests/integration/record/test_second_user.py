"""Another user of the machine, who cannot read the repository's git folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from tests.integration.stage import SLUG, TIMEOUT_S, Stage

SOMEBODY = 61_015
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
AS_SOMEBODY = """
import json, logging, os, sqlite3, sys, traceback
from specify_cli import __main__ as program

def call(root, words):
    os.chdir(root)
    sys.argv = ["spec-kitty", *words]
    try:
        program.main()
    except SystemExit as ended:
        return ended.code

root, warm, user, *words = sys.argv[1:]
kept = os.dup(1), os.dup(2)
for number in (1, 2):
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
call(warm, words)  # The other user may be unable to load this Python's modules later.
sys.stdout.flush()
for number in (1, 2):
    os.dup2(kept[number - 1], number)
os.setgroups([]); os.setgid(int(user)); os.setuid(int(user))
sys.exit(call(root, words))
"""


@pytest.fixture
def warm(stage: Stage, tmp_path: Path) -> Path:
    """A copy of the project, in which the other user's process first runs the command as root."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    stage.write_mission({"WP01": {}})
    stage.done("append-history", correlation_id="before", **NOTE)
    for folder in (stage.root, *stage.root.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    return shutil.copytree(stage.root, tmp_path / "warm", symlinks=True)


def as_somebody(stage: Stage, warm: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", AS_SOMEBODY, str(stage.root), str(warm), str(SOMEBODY)]
    return subprocess.run(
        [*program, *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def test_reads_of_another_user_answer_from_the_log_and_say_so(stage: Stage, warm: Path) -> None:
    done = as_somebody(stage, warm, "orchestrator-api", "mission-state", "--mission", SLUG)
    assert done.returncode == 0
    assert json.loads(done.stdout)["data"]["work_packages"][0]["wp_id"] == "WP01"
    assert (
        f"{MailboxLayout(stage.root).record}/record.db cannot be read by this user" in done.stderr
    )


def test_changes_of_another_user_are_refused_naming_the_owner_and_the_mailbox(
    stage: Stage, warm: Path
) -> None:
    words = [f"--{name}={value}" for name, value in NOTE.items()]
    done = as_somebody(stage, warm, "orchestrator-api", "append-history", *words)
    envelope = json.loads(done.stdout)
    assert envelope["error_code"] == "STORAGE_FAILED"
    assert "belongs to the user 0" in envelope["data"]["message"]
    assert "or use the mailbox" in envelope["data"]["message"]
    assert [event["correlation_id"] for event in stage.events()] == ["before"]


def test_doctor_of_another_user_says_what_it_cannot_read(stage: Stage, warm: Path) -> None:
    done = as_somebody(stage, warm, "doctor")
    assert done.returncode == 1
    assert (
        "run the command as the user who owns it, or send the request through the mailbox"
        in done.stdout
    )
