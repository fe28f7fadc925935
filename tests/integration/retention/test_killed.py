"""A prune that is killed at any time leaves a sound mailbox, and the next one completes it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from tests.integration.crashes.killing import killer
from tests.integration.stage import Stage
from tests.unit.storage.test_record_retention import change, read

READS = 4_000
KILLS = 5
STEP_S = 0.12
STEPS = 120
LONG_AGO = 1_700_000_000


@pytest.fixture
def root(stage: Stage) -> Path:
    """A project with old reads and a journal of many parts."""
    stage.write_mission({"WP01": {}})
    MailboxLayout(stage.root).ensure()
    (stage.root / ".kitty" / "config.toml").write_text("journal_max_bytes = 0\n")
    journal = Journal(Layout(stage.root), max_bytes=900_000)
    for start in range(0, READS, 1000):
        with journal.batch() as batch:
            reads = [read(f"r{start + number}", at="2023-01-01") for number in range(1000)]
            batch.append([(line, ()) for line in [*reads, change(f"c{start}")]])
    return stage.root


def test_killed_prune_is_completed_by_the_next_one(stage: Stage, root: Path) -> None:
    for kill in range(KILLS):
        pruning = stage.start("mailbox", "prune", "--yes")
        time.sleep(0.4 + kill * STEP_S)
        pruning.kill()
        pruning.communicate()
        verified = stage.run("mailbox", "verify")
        assert (verified.exit_code, verified.stdout) == (0, b"")
    assert stage.run("mailbox", "prune", "--yes").exit_code == 0
    assert stage.run("mailbox", "prune").stdout == b"nothing to remove\n"
    assert stage.run("mailbox", "verify").exit_code == 0
    layout = Layout(root)
    assert [it.name for it in layout.outbox.glob("journal*")] == ["journal.jsonl"]
    archived = sorted(it.name for it in layout.archive.iterdir() if it.suffix == ".gz")
    assert len(archived) >= 3
    journal = Journal(layout)
    assert journal.find("r5", "nightly") is None
    assert journal.find("c0", "nightly") is not None


def test_prune_killed_before_each_change_is_completed_by_a_repeat(stage: Stage) -> None:
    """Each kill is one step later, and the work of the former calls is kept."""
    stage.write_mission({"WP01": {}})
    layout = MailboxLayout(stage.root)
    layout.ensure()
    (stage.root / ".kitty" / "config.toml").write_text("journal_max_bytes = 0\n")
    journal = Journal(Layout(stage.root), max_bytes=3000)
    for number in range(4):
        line = read(f"r{number}", at="2023-01-01T00:00:00+00:00")
        journal.append(line)
        journal.append(change(f"c{number}", at="2023-01-01T00:00:00+00:00"))
        for name in (f"r{number}", f"c{number}"):
            path = layout.outbox / "nightly" / f"{name}.json"
            path.parent.mkdir(exist_ok=True)
            known = journal.find(name, "nightly")
            assert known is not None
            path.write_text(json.dumps(known["envelope"]))
            os.utime(path, (LONG_AGO, LONG_AGO))
    words = ("mailbox", "prune", "--yes", "--older-than", "1d")
    run_until = killer(stage)
    for step in range(1, STEPS):
        if run_until(step, words) == 0:
            break
        verified = stage.run("mailbox", "verify")
        assert (verified.exit_code, verified.stdout) == (0, b""), (step, verified)
    else:
        pytest.fail("the command never ended")
    assert step > 5
    assert stage.run("mailbox", "prune", "--older-than", "1d").stdout == b"nothing to remove\n"
    assert [it.name for it in layout.outbox.glob("journal*")] == ["journal.jsonl"]
    assert not [*(layout.outbox / "nightly").glob("*.json")]
    assert journal.find("r0", "nightly") is None
    assert journal.find("c0", "nightly") is not None


def test_worker_answers_while_prune_runs(stage: Stage, root: Path) -> None:
    pruning = stage.start("mailbox", "prune", "--yes")
    for number in range(20):
        stage.put(f"n{number}", "append-history", mission="1", wp="WP01", actor="a", note="n")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    pruning.communicate()
    assert pruning.returncode == 0
    assert all(stage.reply(f"n{number}")["success"] for number in range(20))
    assert stage.run("mailbox", "verify").exit_code == 0
    assert Journal(Layout(root)).find("r5", "nightly") is None
    assert stage.run("mailbox", "show", "r5").exit_code == 0, "the archive has it"
