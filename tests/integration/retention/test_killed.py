"""A pruning that is killed at any time leaves a sound mailbox, and the next one completes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from tests.integration.stage import Stage
from tests.unit.storage.test_record_retention import change, read

READS = 9_000
KILLS = 8
STEP_S = 0.12


@pytest.fixture
def root(stage: Stage) -> Path:
    """A project with old reads, and with a journal of many parts."""
    stage.write_mission({"WP01": {}})
    MailboxLayout(stage.root).ensure()
    (stage.root / ".kitty" / "config.toml").write_text("journal_max_bytes = 0\n")
    journal = Journal(Layout(stage.root), max_bytes=2_000_000)
    for start in range(0, READS, 1000):
        with journal.batch() as batch:
            reads = [read(f"r{start + number}", at="2023-01-01") for number in range(1000)]
            batch.append([(line, ()) for line in [*reads, change(f"c{start}")]])
    return stage.root


def test_a_pruning_that_is_killed_is_completed_by_the_next(stage: Stage, root: Path) -> None:
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


def test_a_worker_answers_while_much_is_pruned(stage: Stage, root: Path) -> None:
    pruning = stage.start("mailbox", "prune", "--yes")
    for number in range(20):
        stage.put(f"n{number}", "append-history", mission="1", wp="WP01", actor="a", note="n")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    pruning.communicate()
    assert pruning.returncode == 0
    assert all(stage.reply(f"n{number}")["success"] for number in range(20))
    assert stage.run("mailbox", "verify").exit_code == 0
    assert stage.run("mailbox", "show", "r5").exit_code == 1
    assert root.exists()
