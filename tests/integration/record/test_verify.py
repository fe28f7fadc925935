"""`mailbox verify` reports changes of logs, journal and replies by file and line."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.integration.stage import SLUG, Stage

Lines = list[str]


@pytest.fixture
def worked(stage: Stage) -> Stage:
    """Requests through both interfaces; the journal has an older part, and one package is approved."""
    folder = stage.write_mission({"WP01": {"owned_files": ["src/one/**"]}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.approve("WP01", {"src/one/a.py": "1\n"})
    (stage.root / ".kitty/outbox/journal.jsonl").unlink()
    for stem in ("one", "two", "three"):
        stage.put(stem, "append-history", mission=SLUG, wp="WP01", actor="ada", note=f"note {stem}")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert stage.run("mailbox", "verify").exit_code == 0
    return stage


def journal(stage: Stage) -> Path:
    return stage.root / ".kitty" / "outbox" / "journal.jsonl"


def older(stage: Stage) -> Path:
    (found,) = journal(stage).parent.glob("journal-*.jsonl")
    return found


def breaks(stage: Stage) -> str:
    done = stage.run("mailbox", "verify")
    assert done.exit_code == 1, done
    return done.stdout.decode()


def edit(path: Path, change: Callable[[Lines], Sequence[str]]) -> None:
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))


def chained(lines: Lines) -> Lines:
    """The lines with a consistent chain."""
    made: Lines = []
    for line in lines:
        prev = re.search(r'"prev":"(sha256:[0-9a-f]{64})"', line)
        assert prev is not None
        digest = "sha256:" + hashlib.sha256(made[-1].encode()).hexdigest() if made else prev[1]
        made.append(line.replace(prev[1], digest))
    return made


def replaced(old: str, new: str) -> Callable[[Lines], Lines]:
    def change(lines: Lines) -> Lines:
        assert any(old in it for it in lines)
        return [it.replace(old, new) for it in lines]

    return change


JOURNAL: dict[str, tuple[Callable[[Lines], Sequence[str]], int]] = {
    "an actor": (replaced('"actor":"ada"', '"actor":"eve"'), 1),
    "a policy": (replaced('"network_mode":"none"', '"network_mode":"open"'), 1),
    "a state": (replaced('"success":true', '"success":false'), 1),
    "a line twice": (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
    "a line removed": (lambda lines: [lines[0], *lines[2:]], 2),
    "lines in another order": (lambda lines: [lines[1], lines[0], *lines[2:]], 1),
    "a chain that is right in itself": (lambda lines: chained(replaced("ada", "eve")(lines)), 1),
}


@pytest.mark.parametrize("what", JOURNAL)
def test_verify_names_the_changed_journal_line(worked: Stage, what: str) -> None:
    change, line = JOURNAL[what]
    edit(journal(worked), change)
    assert f"journal.jsonl line {line}: " in breaks(worked)


@pytest.mark.parametrize("count", [1, 2])
def test_verify_reports_missing_lines_at_the_end_of_the_journal(worked: Stage, count: int) -> None:
    edit(journal(worked), lambda lines: lines[:-count])
    done = worked.run("mailbox", "verify")
    # Only the newest line may still be unpublished.
    assert done.exit_code == (0 if count == 1 else 1)
    assert "not published" in (done.stderr if count == 1 else done.stdout).decode()


def test_verify_reports_swapped_journal_parts(worked: Stage) -> None:
    new, old = journal(worked).read_bytes(), older(worked).read_bytes()
    journal(worked).write_bytes(old)
    older(worked).write_bytes(new)
    found = breaks(worked)
    assert f"{older(worked).name} line 1: " in found
    assert "journal.jsonl line 1: " in found


LOG: dict[str, tuple[Callable[[Lines], Sequence[str]], int]] = {
    "an actor": (replaced('"actor":"ada"', '"actor":"eve"'), 0),
    "a state": (replaced('"to_lane":"approved"', '"to_lane":"done"'), 0),
    "a note": (replaced("note two", "note 2"), -2),
    "a policy": (replaced('"network_mode":"none"', '"network_mode":"open"'), 0),
    "a line twice": (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
    "lines in another order": (lambda lines: [lines[1], lines[0], *lines[2:]], 2),
    "a line removed": (lambda lines: [lines[0], *lines[2:]], 2),
    "a line that is no line": (lambda lines: [lines[0], "{\n", *lines[1:]], 2),
}


@pytest.mark.parametrize("what", LOG)
def test_verify_names_the_changed_log_line(worked: Stage, what: str) -> None:
    change, line = LOG[what]
    before = worked.log().read_text().splitlines()
    edit(worked.log(), change)
    after = worked.log().read_text().splitlines()
    first = next(n for n, it in enumerate(after, start=1) if before[n - 1] != it)
    number = line if line > 0 else first
    assert f"kitty-specs/{SLUG}/status.events.jsonl line {number}" in breaks(worked)


def test_verify_notes_missing_lines_at_the_end_of_a_log(worked: Stage) -> None:
    edit(worked.log(), lambda lines: lines[:-2])
    done = worked.run("mailbox", "verify")
    # It may be an older branch that was checked out: the record has the lines.
    assert "status.events.jsonl lacks 2 of" in done.stderr.decode()


def test_verify_reports_a_forged_log_line(worked: Stage) -> None:
    forged = json.loads(worked.log().read_text().splitlines()[-1])
    forged |= {"event_id": "01JD8Z6W3M4Y6T1F8B2Q5R7X9N", "correlation_id": "nobody"}
    with worked.log().open("a") as log:
        log.write(json.dumps(forged) + "\n")
    assert "01JD8Z6W3M4Y6T1F8B2Q5R7X9N of request nobody is not journaled" in breaks(worked)


def test_verify_reports_changed_and_unknown_replies(worked: Stage) -> None:
    outbox = journal(worked).parent
    (outbox / "one.json").write_text((outbox / "two.json").read_text())
    (outbox / "four.json").write_text((outbox / "three.json").read_text())
    found = breaks(worked)
    assert "one.json: is not the answer" in found
    assert "four.json: no line of the journal" in found


def test_verify_notes_a_missing_reply(worked: Stage) -> None:
    (journal(worked).parent / "two.json").unlink()
    done = worked.run("mailbox", "verify")
    assert done.exit_code == 0
    assert "two.json: is missing" in done.stderr.decode()


def test_verify_does_not_report_pruned_replies_as_missing(worked: Stage) -> None:
    assert worked.run("mailbox", "prune", "--older-than", "0s", "--yes").exit_code == 0
    assert worked.replies() == set()
    done = worked.run("mailbox", "verify")
    assert (done.exit_code, "is missing" in done.stderr.decode()) == (0, False)
