"""A client of an older release polls for a day: pruning keeps only a small part of its journal lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from specify_cli import clock
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow import upkeep
from tests.unit.storage.test_record_retention import read

POLLS, AT_ONCE = 12_000, 800
TITLES = [f"What package {number} is about, and why" for number in range(12)]


def polled(number: int, at: str) -> dict[str, Any]:
    line = read(f"poll-{number:032}", at=at)
    packages = [{"title": it, "lane": "in_progress", "claimed_by": "nightly-1"} for it in TITLES]
    line["envelope"]["data"] = {"work_packages": packages}
    return line


def size(folder: Path, pattern: str) -> int:
    return sum(it.stat().st_size for it in folder.glob(pattern))


def test_polling_leaves_one_journal_part_and_a_twentieth_in_the_archive(tmp_path: Path) -> None:
    MailboxLayout(tmp_path).ensure()
    project = Project(tmp_path)
    journal, at = Journal(project), clock.timestamp()
    for first in range(0, POLLS, AT_ONCE):
        with journal.batch() as book:
            book.append([(polled(first + number, at), []) for number in range(AT_ONCE)])
    whole = size(project.outbox, "journal*")
    # As a worker does once an hour, with the default settings.
    upkeep.prune(project)
    (newest,) = project.outbox.glob("journal*")
    left = newest.stat().st_size
    assert (newest.name, left <= 16 * 1024**2 < whole) == ("journal.jsonl", True)
    assert size(tmp_path / ".kitty" / "archive", "*.gz") < (whole - left) / 20
    assert journal.verify() == []
    # The next line continues the journal.
    assert journal.append(polled(POLLS, at))["seq"] == POLLS + 1
