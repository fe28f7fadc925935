"""Long commands show their progress at a terminal; pipes, JSON and short commands do not."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from specify_cli.cli.progress_line import QUIET_S
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from specify_cli.storage.records import found
from tests.integration.hostile_input.terminal import Terminal
from tests.integration.stage import TIMEOUT_S, Stage, environment
from tests.unit.storage.test_record_retention import read

READS = 20_000
WAITING = 1_500
COUNTED = re.compile(
    rb"([a-z' ]+): ([0-9,]+) of ([0-9,]+) \(([0-9]+) %\)(, about [0-9.]+ (s|min|h) left)?"
)
CLEAR = b"\r\x1b[K"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with many old answered reads."""
    root = tmp_path_factory.mktemp("large")
    stage = Stage(root=root)
    stage.make_repository()
    stage.write_mission({"WP01": {}})
    MailboxLayout(root).ensure()
    journal = Journal(Layout(root))
    for start in range(0, READS, 1000):
        with journal.batch() as batch:
            lines = [read(f"r{start + number}", at="2023-01-01") for number in range(1000)]
            batch.append([(line, ()) for line in lines])
    yield root
    shutil.rmtree(root)


def on_terminal(root: Path, *words: str) -> bytes:
    terminal = Terminal()
    terminal.run(words, root)
    return terminal.close()


def in_pipes(root: Path, *words: str) -> tuple[bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "specify_cli", *words],
        cwd=root,
        env=environment(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.stdout, done.stderr


def counted(sent: bytes, what: bytes) -> list[int]:
    """The percentages that were shown for this step."""
    return [int(it[4]) for it in COUNTED.finditer(sent) if it[1].strip() == what]


def test_verify_shows_progress_for_a_large_journal(large: Path) -> None:
    sent = on_terminal(large, "mailbox", "verify")
    shown = counted(sent, b"proving the journal")
    assert len(shown) >= 3
    assert shown == sorted(shown)
    assert any(it[5] for it in COUNTED.finditer(sent))
    assert sent.rstrip().endswith(b"sound")
    assert sent.rindex(CLEAR) < sent.rindex(b"sound")


def test_verify_shows_no_progress_in_a_pipe(large: Path) -> None:
    assert in_pipes(large, "mailbox", "verify") == (b"", b"sound\n")


def test_verify_with_json_shows_no_progress_at_a_terminal(large: Path) -> None:
    sent = on_terminal(large, "mailbox", "verify", "--json")
    assert json.loads(sent)["data"]["is_sound"] is True


@pytest.mark.campaign
def test_doctor_shows_progress(large: Path) -> None:
    sent = on_terminal(large, "doctor")
    assert counted(sent, b"proving the record")
    assert json.loads(on_terminal(large, "doctor", "--json"))["data"]["problems"] == 0


@pytest.mark.campaign
def test_prune_shows_progress(large: Path) -> None:
    sent = on_terminal(large, "mailbox", "prune", "--yes")
    assert counted(sent, b"pruning answers of reads")
    assert f"{READS - 1:,} answers of reads removed".encode() in sent.replace(b" answer of", b"")


@pytest.mark.campaign
def test_import_of_the_journal_of_an_older_release_shows_progress(large: Path) -> None:
    record = found(Layout(large))
    assert record is not None
    for path in record.path.parent.glob(f"{record.path.name}*"):
        path.unlink()
    sent = on_terminal(large, "doctor", "--fix")
    assert counted(sent, b"taking the journal over")
    # Imported reads can be pruned again.
    assert in_pipes(large, "mailbox", "prune", "--dry-run")[0].startswith(
        f"{READS:,} answers".encode()
    )


def test_serve_once_shows_progress_for_a_large_inbox(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    for number in range(WAITING):
        stage.put(f"r{number}", "list-ready", mission="1")
    sent = on_terminal(stage.root, "mailbox", "serve", "--once")
    shown = counted(sent, b"answering waiting requests")
    assert shown
    assert shown == sorted(shown)
    assert len(stage.replies()) == WAITING


def test_short_commands_show_no_progress(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.done("append-history", mission="1", wp="WP01", actor="coder", note="n")
    for words in (("mailbox", "verify"), ("mailbox", "prune")):
        began = time.monotonic()
        sent = on_terminal(stage.root, *words)
        # On a busy machine it is not short.
        assert CLEAR not in sent or time.monotonic() - began > QUIET_S
