"""Tests that the record decides: nothing is lost by what people and git do to the file of a log."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.storage import project_files
from specify_cli.storage.event_lines import encode
from specify_cli.storage.layout import Layout
from specify_cli.storage.log_file import LogFile
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.recorded_log import RecordedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in
from tests.unit.storage.conftest import COLLEAGUE, OTHER, SLUG, git, kept, line

# Missing lines.


@pytest.mark.parametrize(
    "lose",
    [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(line(CLAIM))],
)
def test_lost_lines_are_read_from_the_record_and_restored_by_the_next_append(
    log: RecordedLog, lose: Callable[[Path], object]
) -> None:
    lose(log.path)
    left = log.path.read_bytes() if log.path.exists() else None
    assert log.read().events == (CLAIM, BEGIN)
    assert (log.path.read_bytes() if log.path.exists() else None) == left
    log.append([NOTE])
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)


def test_a_line_removed_from_the_middle_is_restored_in_its_place(log: RecordedLog) -> None:
    log.append([NOTE])
    before = line(CLAIM) + line(NOTE)
    log.path.write_bytes(before)
    log.put_right()
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)
    assert kept(log) == [before]


def test_missing_lines_are_reported(log: RecordedLog) -> None:
    assert log.read().standing == ""
    log.path.write_bytes(line(CLAIM))
    assert "lacks 1 of 2 lines" in log.read().standing
    assert "with the next change" in log.read().standing


def test_an_append_succeeds_if_only_the_log_file_cannot_be_written(
    log: RecordedLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageFailed("cannot write it: no room")

    with monkeypatch.context() as patch:
        patch.setattr(LogFile, "bring_to", refuse)
        log.append([NOTE])
    assert "no room; nothing is lost" in caplog.text
    assert log.read().events == (CLAIM, BEGIN, NOTE)
    log.put_right()
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)


@pytest.mark.parametrize(
    ("refusal", "way_out"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "ask as the user who owns it"),
        (OSError(errno.EIO, "Input/output error"), "free or repair the disk"),
    ],
)
def test_the_error_for_an_unreadable_log_says_what_to_do(
    log: RecordedLog, monkeypatch: pytest.MonkeyPatch, refusal: OSError, way_out: str
) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise refusal

    with log.path.open("ab") as file:
        # A file that has not changed is not read again.
        file.write(b"{}\n")
    monkeypatch.setattr(project_files, "read", refuse)
    with pytest.raises(StorageFailed, match=f"could not read {log.path}: .*; {way_out}"):
        log.read()


def test_an_append_never_creates_the_folder_of_a_mission(log: RecordedLog) -> None:
    shutil.rmtree(log.path.parent)
    log.append([NOTE])
    assert not log.path.parent.exists()
    log.path.parent.mkdir()
    assert log.read().events == (CLAIM, BEGIN, NOTE)


# Foreign lines.


def test_foreign_lines_count_and_are_recorded_at_their_position(log: RecordedLog) -> None:
    raw = line(COLLEAGUE) + line(CLAIM) + line(OTHER) + line(BEGIN)
    log.path.write_bytes(raw)
    assert log.read().events == (COLLEAGUE, CLAIM, OTHER, BEGIN)
    assert log.take_in().events == (COLLEAGUE, CLAIM, OTHER, BEGIN)
    assert log.path.read_bytes() == raw
    log.path.unlink()
    assert log.read().events == (COLLEAGUE, CLAIM, OTHER, BEGIN)


def test_an_append_first_records_foreign_lines(log: RecordedLog) -> None:
    with log.path.open("ab") as file:
        file.write(line(COLLEAGUE))
    log.append([NOTE])
    log.path.unlink()
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, NOTE)


def test_appending_the_same_lines_twice_writes_them_once(log: RecordedLog) -> None:
    again = encode([BEGIN, NOTE], mission_slug=SLUG)
    log.append_lines(again)
    log.append_lines(again)
    assert log.read().events == (CLAIM, BEGIN, BEGIN, NOTE)


def test_a_log_without_a_record_is_recorded_completely(root: Path) -> None:
    log = log_in(root, SLUG)
    log.path.write_bytes(line(CLAIM) + line(COLLEAGUE))
    assert log.read().events == (CLAIM, COLLEAGUE)
    assert not (Layout(root).record / DATABASE).exists()
    log.put_right()
    log.path.unlink()
    assert log.read().events == (CLAIM, COLLEAGUE)


def test_a_line_that_another_program_reformatted_is_the_same_line(log: RecordedLog) -> None:
    pretty = json.dumps(json.loads(line(CLAIM)), sort_keys=True).encode() + b"\r\n"
    log.path.write_bytes(pretty + line(BEGIN))
    log.append([NOTE])
    assert log.read().events == (CLAIM, BEGIN, NOTE)


def test_a_changed_line_blocks_appends_until_a_repair_restores_it(log: RecordedLog) -> None:
    before = log.path.read_bytes()
    changed = before.replace(b"coder", b"thief")
    log.path.write_bytes(changed)
    assert log.read().events == (CLAIM, BEGIN)
    for ask in (log.take_in, lambda: log.append([NOTE])):
        with pytest.raises(StateUnreadable, match="line 1: it is not what the host wrote") as error:
            ask()
        assert error.value.details["line"] == 1
    assert log.path.read_bytes() == changed
    log.put_right(repairs=True)
    assert log.path.read_bytes() == before
    assert kept(log) == [changed]


def test_only_a_repair_restores_a_damaged_line_of_the_host(log: RecordedLog) -> None:
    before = log.path.read_bytes()
    log.path.write_bytes(before.replace(b"{", b"", 1))
    for ask in (log.read, log.take_in):
        with pytest.raises(StateUnreadable, match="line 1: it is not a JSON object"):
            ask()
    log.put_right(repairs=True)
    assert log.path.read_bytes() == before


def test_a_line_written_while_the_file_is_replaced_is_kept(
    log: RecordedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = log.path.read_bytes()
    log.path.write_bytes(line(BEGIN))
    keep = LogFile._keep

    def write_then_keep(self: LogFile, data: bytes) -> None:
        with log.path.open("ab") as file:
            file.write(line(COLLEAGUE))
        keep(self, data)

    monkeypatch.setattr(LogFile, "_keep", write_then_keep)
    log.put_right()
    assert log.path.read_bytes() == whole + line(COLLEAGUE)


def test_a_line_written_right_before_an_append_is_kept(
    log: RecordedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_to = LogFile.bring_to

    def write_then_bring(self: LogFile, *args: object, **more: object) -> None:
        with log.path.open("ab") as file:
            file.write(line(COLLEAGUE))
        bring_to(self, *args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(LogFile, "bring_to", write_then_bring)
        log.append([NOTE])
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, NOTE)
    log.put_right()
    assert log.path.read_bytes() == b"".join(line(it) for it in (CLAIM, BEGIN, COLLEAGUE, NOTE))


# Operations of git in progress, and other branches.


@pytest.mark.parametrize(
    ("mark", "what"),
    [("MERGE_HEAD", "merge"), ("rebase-merge", "rebase"), ("BISECT_LOG", "bisect")],
)
def test_the_file_is_not_written_during_a_merge_rebase_or_bisect(
    root: Path, log: RecordedLog, mark: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    (root / ".git" / mark).touch()
    before = log.path.read_bytes()
    log.append([NOTE])
    assert log.path.read_bytes() == before
    assert f"because a {what} is under way" in caplog.text
    assert f"does not write them now, because a {what} is under way" in log.read().standing
    (root / ".git" / mark).unlink()
    log.put_right()
    assert log.path.read_bytes() == before + line(NOTE)


def test_the_stamp_changes_even_if_an_append_does_not_reach_the_file(
    root: Path, log: RecordedLog
) -> None:
    before = log.stamp()
    assert log.stamp() == before
    (root / ".git" / "MERGE_HEAD").write_text("0" * 40)
    log.append([NOTE])
    assert log.stamp() != before


def test_the_file_is_not_written_while_an_older_branch_is_checked_out(
    root: Path, log: RecordedLog
) -> None:
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "log")
    git(root, "branch", "older")
    log.append([NOTE])
    git(root, "commit", "-q", "-am", "note")
    git(root, "switch", "-q", "older")
    log.append([COLLEAGUE])
    git(root, "diff", "--exit-code")
    assert log.read().events == (CLAIM, BEGIN, NOTE, COLLEAGUE)
    assert "it was last written on main, and older is checked out" in log.read().standing
    git(root, "switch", "-q", "main")
    log.put_right()
    assert log.path.read_bytes() == b"".join(line(it) for it in (CLAIM, BEGIN, NOTE, COLLEAGUE))


def test_a_new_branch_that_contains_the_file_gets_new_lines(root: Path, log: RecordedLog) -> None:
    git(root, "switch", "-q", "-c", "new")
    log.append([NOTE])
    log.path.write_bytes(line(CLAIM))
    log.put_right()
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)


def test_a_repair_writes_the_file_on_any_branch(root: Path, log: RecordedLog) -> None:
    before = log.path.read_bytes()
    git(root, "switch", "-q", "-c", "new")
    log.path.unlink()
    log.put_right(repairs=True)
    assert log.path.read_bytes() == before
