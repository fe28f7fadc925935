"""The record decides: what people and git do to the file of a log takes nothing from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from specify_cli.core.events import Event
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.storage.event_lines import encode
from specify_cli.storage.layout import Layout
from specify_cli.storage.log_file import LogFile
from specify_cli.storage.record import DATABASE
from specify_cli.storage.record_place import folder_without_repository, record_folder
from specify_cli.storage.recorded_log import RecordedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in

SLUG = "001-search"
COLLEAGUE = replace(NOTE, event_id="C1", actor="colleague")
OTHER = replace(NOTE, event_id="C2", actor="colleague")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def line(event: Event) -> bytes:
    return encode([event], mission_slug=SLUG)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "main"
    made.mkdir()
    git(made, "init", "-q", "-b", "main")
    (made / ".gitignore").write_text(".kitty\n")
    git(made, "add", ".")
    git(made, "commit", "-q", "-m", "first")
    return made


@pytest.fixture
def log(root: Path) -> RecordedLog:
    made = log_in(root, SLUG)
    made.append([CLAIM])
    made.append([BEGIN])
    return made


def kept(log: RecordedLog) -> list[bytes]:
    return [path.read_bytes() for path in log.file.attic.iterdir()]


# What the file loses.


@pytest.mark.parametrize(
    "lose",
    [Path.unlink, lambda path: path.write_bytes(b""), lambda path: path.write_bytes(line(CLAIM))],
)
def test_what_the_file_loses_is_known_and_comes_back_with_the_next_change(
    log: RecordedLog, lose: Callable[[Path], object]
) -> None:
    lose(log.path)
    left = log.path.read_bytes() if log.path.exists() else None
    assert log.read().events == (CLAIM, BEGIN)
    assert (log.path.read_bytes() if log.path.exists() else None) == left
    log.append([NOTE])
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)


def test_a_line_that_went_from_the_middle_comes_back_to_its_place(log: RecordedLog) -> None:
    log.append([NOTE])
    before = line(CLAIM) + line(NOTE)
    log.path.write_bytes(before)
    log.put_right()
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)
    assert kept(log) == [before]


def test_what_is_missing_is_told(log: RecordedLog) -> None:
    assert log.read().standing == ""
    log.path.write_bytes(line(CLAIM))
    assert "lacks 1 of 2 lines" in log.read().standing
    assert "with the next change" in log.read().standing


def test_a_file_that_the_disk_refuses_lags(
    log: RecordedLog, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageFailed("cannot write it: no room")

    with monkeypatch.context() as patch:
        patch.setattr(LogFile, "bring_to", refuse)
        log.append([NOTE])
    assert "no room; the host knows what it lacks" in caplog.text
    assert log.read().events == (CLAIM, BEGIN, NOTE)
    log.put_right()
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)


def test_the_folder_of_a_mission_is_never_made(log: RecordedLog) -> None:
    shutil.rmtree(log.path.parent)
    log.append([NOTE])
    assert not log.path.parent.exists()
    log.path.parent.mkdir()
    assert log.read().events == (CLAIM, BEGIN, NOTE)


# Lines of others.


def test_lines_of_others_count_where_they_stand_and_are_taken_in_there(log: RecordedLog) -> None:
    raw = line(COLLEAGUE) + line(CLAIM) + line(OTHER) + line(BEGIN)
    log.path.write_bytes(raw)
    assert log.read().events == (COLLEAGUE, CLAIM, OTHER, BEGIN)
    assert log.take_in().events == (COLLEAGUE, CLAIM, OTHER, BEGIN)
    assert log.path.read_bytes() == raw
    log.path.unlink()
    assert log.read().events == (COLLEAGUE, CLAIM, OTHER, BEGIN)


def test_an_append_takes_in_what_came_meanwhile(log: RecordedLog) -> None:
    with log.path.open("ab") as file:
        file.write(line(COLLEAGUE))
    log.append([NOTE])
    log.path.unlink()
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, NOTE)


def test_an_append_that_is_there_already_does_not_come_twice(log: RecordedLog) -> None:
    again = encode([BEGIN, NOTE], mission_slug=SLUG)
    log.append_lines(again)
    log.append_lines(again)
    assert log.read().events == (CLAIM, BEGIN, BEGIN, NOTE)


def test_a_log_of_before_is_taken_in_whole(root: Path) -> None:
    log = log_in(root, SLUG)
    log.path.write_bytes(line(CLAIM) + line(COLLEAGUE))
    assert log.read().events == (CLAIM, COLLEAGUE)
    assert not record_folder(Layout(root)).exists()
    log.put_right()
    log.path.unlink()
    assert log.read().events == (CLAIM, COLLEAGUE)


def test_a_line_that_another_program_wrote_in_another_form_is_the_same(log: RecordedLog) -> None:
    pretty = json.dumps(json.loads(line(CLAIM)), sort_keys=True).encode() + b"\r\n"
    log.path.write_bytes(pretty + line(BEGIN))
    log.append([NOTE])
    assert log.read().events == (CLAIM, BEGIN, NOTE)


def test_a_changed_line_stops_changes_until_it_is_put_back(log: RecordedLog) -> None:
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


def test_a_line_of_ours_that_is_damaged_is_put_back_by_a_repair_alone(log: RecordedLog) -> None:
    before = log.path.read_bytes()
    log.path.write_bytes(before.replace(b"{", b"", 1))
    for ask in (log.read, log.take_in):
        with pytest.raises(StateUnreadable, match="line 1: it is not a JSON object"):
            ask()
    log.put_right(repairs=True)
    assert log.path.read_bytes() == before


def test_what_is_written_while_the_file_is_replaced_is_not_lost(
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


def test_what_is_written_before_an_append_is_not_lost(
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


# What git is at.


@pytest.mark.parametrize(
    ("mark", "what"),
    [("MERGE_HEAD", "merge"), ("rebase-merge", "rebase"), ("BISECT_LOG", "bisect")],
)
def test_the_file_is_left_alone_while_git_is_at_work(
    root: Path, log: RecordedLog, mark: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    (root / ".git" / mark).touch()
    before = log.path.read_bytes()
    log.append([NOTE])
    assert log.path.read_bytes() == before
    assert f"because a {what} is under way" in caplog.text
    assert f"not now, because a {what} is under way" in log.read().standing
    (root / ".git" / mark).unlink()
    log.put_right()
    assert log.path.read_bytes() == before + line(NOTE)


def test_a_change_that_did_not_reach_the_file_is_seen_by_who_waits_for_one(
    root: Path, log: RecordedLog
) -> None:
    before = log.stamp()
    assert log.stamp() == before
    (root / ".git" / "MERGE_HEAD").write_text("0" * 40)
    log.append([NOTE])
    assert log.stamp() != before


def test_an_older_file_of_another_branch_is_left_as_that_branch_has_it(
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


def test_a_new_branch_that_has_the_file_goes_on_with_it(root: Path, log: RecordedLog) -> None:
    git(root, "switch", "-q", "-c", "new")
    log.append([NOTE])
    log.path.write_bytes(line(CLAIM))
    log.put_right()
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(NOTE)


def test_a_repair_writes_whatever_is_checked_out(root: Path, log: RecordedLog) -> None:
    before = log.path.read_bytes()
    git(root, "switch", "-q", "-c", "new")
    log.path.unlink()
    log.put_right(repairs=True)
    assert log.path.read_bytes() == before


# Which mission it is.


def test_a_mission_that_is_renamed_keeps_its_history(root: Path) -> None:
    log = log_in(root, SLUG, mission_id="01H")
    log.append([CLAIM])
    shutil.rmtree(log.path.parent)
    ids = {"002-find": "01H"}
    renamed = replace(log_in(root, "002-find"), id_of=ids.get)
    assert renamed.read().events == (CLAIM,)
    renamed.append([BEGIN])
    assert renamed.read().events == (CLAIM, BEGIN)


def test_a_new_mission_under_an_old_name_inherits_nothing(root: Path) -> None:
    log_in(root, SLUG, mission_id="01H").append([CLAIM])
    (root / "kitty-specs" / SLUG / "status.events.jsonl").unlink()
    new = log_in(root, SLUG, mission_id="01J")
    assert new.read().events == ()
    new.append([NOTE])
    assert new.read().events == (NOTE,)


def test_a_copy_of_a_mission_goes_its_own_way(root: Path) -> None:
    log = log_in(root, SLUG, mission_id="01H")
    log.append([CLAIM])
    shutil.copytree(log.path.parent, root / "kitty-specs" / "002-copy")
    copy = log_in(root, "002-copy", mission_id="01H")
    copy.append([BEGIN])
    assert copy.read().events == (CLAIM, BEGIN)
    assert log.read().events == (CLAIM,)


def test_a_mission_that_is_given_an_id_goes_on(root: Path) -> None:
    log_in(root, SLUG).append([CLAIM])
    named = log_in(root, SLUG, mission_id="01H")
    assert named.read().events == (CLAIM,)
    named.append([BEGIN])
    named.path.unlink()
    assert named.read().events == (CLAIM, BEGIN)


def test_a_new_mission_with_an_id_does_not_go_on_with_one_without(root: Path) -> None:
    log_in(root, SLUG).append([CLAIM])
    named = log_in(root, SLUG, mission_id="01H")
    named.path.write_bytes(line(NOTE))
    assert named.read().events == (NOTE,)


# Where the record is.


def test_the_record_moves_into_a_new_repository(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    log = log_in(root, SLUG)
    log.append([CLAIM])
    former = folder_without_repository(Layout(root)) / DATABASE
    assert former.is_file()
    git(root, "init", "-q")
    log.path.unlink()
    assert log.read().events == (CLAIM,)
    log.append([BEGIN])
    assert log.read().events == (CLAIM, BEGIN)
    assert not former.exists()
    assert (record_folder(Layout(root)) / DATABASE).is_file()


def test_a_record_that_was_replaced_is_the_one_that_counts(root: Path, log: RecordedLog) -> None:
    place = record_folder(Layout(root)) / DATABASE
    backup = place.with_name("backup.db")
    subprocess.run(["python3", "-c", _BACKUP, place, backup], check=True)
    log.append([NOTE])
    for beside in place.parent.glob(f"{DATABASE}-*"):
        beside.unlink()
    backup.rename(place)
    log.path.write_bytes(line(CLAIM) + line(BEGIN))
    assert log.read().events == (CLAIM, BEGIN)


_BACKUP = """
import sqlite3, sys
source, copy = map(sqlite3.connect, sys.argv[1:])
with copy:
    source.backup(copy)
"""


@needs_root
def test_who_may_not_read_the_record_is_shown_the_file_and_changes_nothing() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        git(Path(folder), "init", "-q")
        log = log_in(Path(folder).resolve(), SLUG)
        log.append([CLAIM])
        log.append([BEGIN])
        log.path.write_bytes(line(CLAIM))
        done = as_somebody_else(log)
        assert log.read().events == (CLAIM, BEGIN)
    assert "cannot be read by this user" in done.stderr
    assert done.stdout.splitlines()[0] == "1"
    assert "spec-kitty" in done.stdout.splitlines()[1]


def as_somebody_else(log: RecordedLog) -> subprocess.CompletedProcess[str]:
    code = (
        "import os, sys; from pathlib import Path; from specify_cli.errors import StorageFailed\n"
        "from tests.records import log_in\n"
        "log = log_in(Path(sys.argv[1])); log.read(); os.setuid(61_015)\n"
        "print(len(log.read().events))\n"
        "try: log.append([])\n"
        "except StorageFailed as error: print(error.message)"
    )
    words = [sys.executable, "-c", code, str(log.project.root)]
    return subprocess.run(words, capture_output=True, text=True, check=True)


# What comes at a bad moment.


def test_an_append_that_stands_in_the_file_alone_is_recorded(log: RecordedLog) -> None:
    log.path.write_bytes(log.path.read_bytes() + line(NOTE))
    log.append([NOTE])
    log.path.unlink()
    assert log.read().events == (CLAIM, BEGIN, NOTE)


def test_what_is_written_between_the_look_and_the_append_stays(
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


def test_what_others_wrote_behind_an_append_that_is_taken_back_stays(log: RecordedLog) -> None:
    log.append([NOTE])
    log.path.write_bytes(log.path.read_bytes() + line(COLLEAGUE))
    log.take_back([NOTE])
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE)
    assert log.path.read_bytes() == line(CLAIM) + line(BEGIN) + line(COLLEAGUE)


def test_a_line_of_others_divides_no_append(root: Path) -> None:
    log = log_in(root, "002-find")
    log.append([CLAIM, BEGIN])
    first = log.path.read_bytes().splitlines(keepends=True)[0]
    log.path.write_bytes(first + line(COLLEAGUE))
    log.append([NOTE])
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, NOTE)


def test_half_an_append_of_others_is_not_among_the_lines(log: RecordedLog) -> None:
    whole = log.path.read_bytes()
    half = encode([COLLEAGUE, OTHER], mission_slug=SLUG).splitlines(keepends=True)[0]
    log.path.write_bytes(whole + half)
    assert log.lines() == whole


@pytest.mark.parametrize("mark", [b"<<<<<<< HEAD\n", b"=======\n", b">>>>>>> Stash\n"])
def test_marks_of_a_conflict_are_put_away_by_a_repair(log: RecordedLog, mark: bytes) -> None:
    whole = log.path.read_bytes()
    log.path.write_bytes(line(CLAIM) + mark + line(BEGIN))
    with pytest.raises(StateUnreadable):
        log.take_in()
    log.put_right(repairs=True)
    assert log.path.read_bytes() == whole
    assert kept(log) == [line(CLAIM) + mark + line(BEGIN)]


def test_lines_that_an_unfinished_merge_has_brought_are_not_taken_in(
    root: Path, log: RecordedLog
) -> None:
    before = log.path.read_bytes()
    merge = root / ".git" / "MERGE_HEAD"
    merge.write_text("0" * 40)
    log.path.write_bytes(before + line(COLLEAGUE))
    with pytest.raises(StateUnreadable, match="finish or abort it, and ask again"):
        log.append([NOTE])
    log.path.write_bytes(before)
    merge.unlink()
    assert log.take_in().events == (CLAIM, BEGIN)


def test_a_line_of_others_that_stands_there_twice_counts_once(log: RecordedLog) -> None:
    log.path.write_bytes(log.path.read_bytes() + line(COLLEAGUE) + line(OTHER) + line(COLLEAGUE))
    log.put_right()
    assert log.read().events == (CLAIM, BEGIN, COLLEAGUE, OTHER)


def test_a_line_without_an_id_is_the_same_in_another_form(log: RecordedLog) -> None:
    theirs = {"kind": "theirs", "wp_id": "WP01"}
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + json.dumps(theirs).encode() + b"\n")
    log.put_right()
    other = json.dumps(theirs, indent=None, separators=(",", ":"), sort_keys=True).encode()
    log.path.write_bytes(whole + other + b"\n")
    log.put_right()
    assert log.path.read_bytes().count(b"theirs") == 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_branch_that_is_gone_keeps_nothing_from_the_file(
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


def test_a_commit_that_was_checked_out_keeps_nothing_from_the_file(
    root: Path, log: RecordedLog
) -> None:
    git(root, "switch", "-q", "--detach")
    log.append([NOTE])
    log.path.unlink()
    git(root, "switch", "-q", "main")
    log.append([COLLEAGUE])
    assert log.path.read_bytes().count(b"\n") == 4


# Which mission it is.


def test_a_mission_that_lost_its_file_in_part_and_is_given_an_id_goes_on(root: Path) -> None:
    log_in(root).append([CLAIM])
    log = log_in(root)
    log.append([BEGIN])
    said = json.loads(line(BEGIN))
    log.path.write_text(json.dumps(dict(sorted(said.items()))) + "\n")
    assert log_in(root, mission_id="A").read().events == (CLAIM, BEGIN)


def test_a_new_mission_without_an_id_does_not_go_on_with_one_that_was_renamed(root: Path) -> None:
    log_in(root, mission_id="A").append([CLAIM])
    found = root / "kitty-specs" / "002-found"
    (root / "kitty-specs" / SLUG).rename(found)
    (root / "kitty-specs" / SLUG).mkdir()
    ids = {"002-found": "A"}
    new = RecordedLog(project=Layout(root), slug=SLUG, id_of=ids.get)
    assert new.read().events == ()
    new.append([NOTE])
    renamed = RecordedLog(project=Layout(root), slug="002-found", id_of=ids.get)
    assert renamed.read().events == (CLAIM,)


def test_a_mission_whose_id_and_file_are_gone_keeps_its_history(root: Path) -> None:
    log = log_in(root, mission_id="A")
    log.append([CLAIM])
    log.path.unlink()
    assert log_in(root).read().events == (CLAIM,)
