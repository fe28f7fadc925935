"""Tests that a log loses nothing by changes during an append, during a merge or on another branch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.storage.event_lines import encode
from specify_cli.storage.log_file import LogFile
from specify_cli.storage.recorded_log import RecordedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in
from tests.unit.storage.conftest import COLLEAGUE, OTHER, SLUG, git, kept, line


def test_an_append_that_only_reached_the_file_is_recorded(log: RecordedLog) -> None:
    log.path.write_bytes(log.path.read_bytes() + line(NOTE))
    log.append([NOTE])
    log.path.unlink()
    assert log.read().events == (CLAIM, BEGIN, NOTE)


def test_a_line_written_between_the_check_and_the_append_is_kept(
    log: RecordedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with = LogFile._end_with

    def overtaken(file: LogFile, *args: object, **more: object) -> None:
        with file.path.open("ab") as other:
            other.write(line(COLLEAGUE))
        end_with(file, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(LogFile, "_end_with", overtaken)
        log.append([NOTE])
    assert line(COLLEAGUE) in log.path.read_bytes()
    log.put_right()
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, NOTE)
    assert log.path.read_bytes().count(b"\n") == 4


def test_a_foreign_line_within_an_append_does_not_split_it(root: Path) -> None:
    log = log_in(root, "002-find")
    log.append([CLAIM, BEGIN])
    first = log.path.read_bytes().splitlines(keepends=True)[0]
    log.path.write_bytes(first + line(COLLEAGUE))
    log.append([NOTE])
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, NOTE)


def test_an_incomplete_foreign_append_is_not_read(log: RecordedLog) -> None:
    whole = log.path.read_bytes()
    half = encode([COLLEAGUE, OTHER], mission_slug=SLUG).splitlines(keepends=True)[0]
    log.path.write_bytes(whole + half)
    assert log.lines() == whole


@pytest.mark.parametrize("mark", [b"<<<<<<< HEAD\n", b"=======\n", b">>>>>>> Stash\n"])
def test_a_repair_removes_conflict_markers(log: RecordedLog, mark: bytes) -> None:
    whole = log.path.read_bytes()
    log.path.write_bytes(line(CLAIM) + mark + line(BEGIN))
    with pytest.raises(StateUnreadable):
        log.take_in()
    log.put_right(repairs=True)
    assert log.path.read_bytes() == whole
    assert kept(log) == [line(CLAIM) + mark + line(BEGIN)]


def test_lines_of_an_unfinished_merge_are_not_recorded(root: Path, log: RecordedLog) -> None:
    before = log.path.read_bytes()
    merge = root / ".git" / "MERGE_HEAD"
    merge.write_text("0" * 40)
    log.path.write_bytes(before + line(COLLEAGUE))
    with pytest.raises(StateUnreadable, match="finish or abort it, then repeat the request"):
        log.append([NOTE])
    log.path.write_bytes(before)
    merge.unlink()
    assert log.take_in().events == (CLAIM, BEGIN)


def test_a_duplicate_foreign_line_counts_once(log: RecordedLog) -> None:
    log.path.write_bytes(log.path.read_bytes() + line(COLLEAGUE) + line(OTHER) + line(COLLEAGUE))
    log.put_right()
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, OTHER)


def test_a_reformatted_line_without_an_id_is_recorded_once(log: RecordedLog) -> None:
    theirs = {"kind": "theirs", "wp_id": "WP01"}
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + json.dumps(theirs).encode() + b"\n")
    log.put_right()
    other = json.dumps(theirs, indent=None, separators=(",", ":"), sort_keys=True).encode()
    log.path.write_bytes(whole + other + b"\n")
    log.put_right()
    assert log.path.read_bytes().count(b"theirs") == 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_lines_written_on_a_deleted_branch_are_restored_on_another(
    root: Path, log: RecordedLog, is_gone: bool
) -> None:
    git(root, "commit", "-q", "--allow-empty", "-m", "on main")
    git(root, "switch", "-q", "-c", "topic")
    log.append([NOTE])
    log.path.unlink()
    git(root, "switch", "-q", "main")
    if is_gone:
        git(root, "branch", "-q", "-D", "topic")
    log.append([COLLEAGUE])
    assert log.path.exists() is is_gone
    log.put_right(repairs=True)
    assert log.path.read_bytes().count(b"\n") == 4


def test_lines_written_on_a_detached_head_are_restored_on_a_branch(
    root: Path, log: RecordedLog
) -> None:
    git(root, "switch", "-q", "--detach")
    log.append([NOTE])
    log.path.unlink()
    git(root, "switch", "-q", "main")
    log.append([COLLEAGUE])
    assert log.path.read_bytes().count(b"\n") == 4
