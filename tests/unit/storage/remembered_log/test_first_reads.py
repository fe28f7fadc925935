"""Tests of logs that a process reads for the first time, and of foreign lines."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from specify_cli import batch, ids, processes
from specify_cli.core.state import replay
from specify_cli.errors import StateUnreadable
from specify_cli.storage import event_lines, records
from specify_cli.storage.record import Record
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.storage.remembered_log import RememberedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in
from tests.unit.storage.conftest import COLLEAGUE, OTHER, SLUG, git, line
from tests.unit.storage.remembered_log.memory import SETTLED_S, forget_all, plain, to_a_link


def test_a_new_process_reads_neither_the_file_nor_the_entries(
    remembered: RecordedLog, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    remembered.append([NOTE])
    forget_all(remembered)
    reads.clear()
    monkeypatch.setattr(Record, "entries", lambda *_, **__: pytest.fail("lines were read"))
    assert remembered.read().state == replay([CLAIM, BEGIN, NOTE])
    assert remembered.read().caused_by("one") == (CLAIM, BEGIN)
    assert len(remembered.take_in().events) == 3
    assert reads == []


def test_a_file_is_compared_again_after_a_reboot(
    remembered: RecordedLog, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_all(remembered)
    here = processes.this_process()
    monkeypatch.setattr(processes, "this_process", lambda: here._replace(boot="another"))
    assert remembered.read().events == (CLAIM, BEGIN)
    assert reads == [remembered.path]
    # A changing request stores the stamp of the file again.
    forget_all(remembered)
    remembered.take_in()
    forget_all(remembered)
    reads.clear()
    assert remembered.read().events == (CLAIM, BEGIN)
    assert reads == []


def test_a_file_is_always_compared_if_the_system_has_no_boot_id(
    remembered: RecordedLog, reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = processes.this_process()
    monkeypatch.setattr(processes, "this_process", lambda: here._replace(boot=""))
    remembered.append([NOTE])
    forget_all(remembered)
    reads.clear()
    assert remembered.read().events == (CLAIM, BEGIN, NOTE)
    assert reads == [remembered.path]


def test_only_a_batch_sees_its_uncommitted_events(remembered: RecordedLog) -> None:
    assert isinstance(remembered, RememberedLog)
    first, second = (NOTE._replace(event_id=ids.ulid()) for _ in range(2))
    with batch.begun() as inside:
        with batch.deciding(inside):
            one = remembered.prepared([first])
            one.stand()
            dropped = remembered.prepared([NOTE._replace(event_id=ids.ulid())])
            assert remembered.read().events[-1] == first
            two = remembered.prepared([second])
            two.stand()
            assert remembered.read().events[-2:] == (first, second)
        assert remembered.read().events == (CLAIM, BEGIN)
        assert len(dropped.drafts) == 1
        records.made(remembered.project).commit([*one.drafts, *two.drafts])
        one.follow()
        two.follow()
    assert remembered.read().events == (CLAIM, BEGIN, first, second)
    assert remembered.path.read_bytes().endswith(line(first) + line(second))
    assert event_lines.parse(remembered.path.read_bytes(), remembered.path).events[-1] == second


def test_a_link_at_the_mission_folder_is_refused_even_if_it_leads_to_the_same_file(
    remembered: RecordedLog,
) -> None:
    to_a_link(remembered.path)
    with pytest.raises(StateUnreadable):
        remembered.read()


def test_foreign_lines_are_read_once_even_if_they_are_not_recorded(
    remembered: RecordedLog, reads: list[Path]
) -> None:
    with remembered.path.open("ab") as file:
        file.write(line(COLLEAGUE))
    time.sleep(SETTLED_S)
    assert remembered.read().events == (CLAIM, BEGIN, COLLEAGUE)
    reads.clear()
    assert remembered.read().events == (CLAIM, BEGIN, COLLEAGUE)
    assert reads == []
    # A changing request records them first, and does not read them again.
    remembered.append([NOTE])
    reads.clear()
    new = OTHER._replace(event_id=ids.ulid())
    records.made(remembered.project).commit(remembered.prepared([new]).drafts)
    assert remembered.read().events == (CLAIM, BEGIN, COLLEAGUE, NOTE, new)


def test_a_log_that_is_not_in_the_record_is_read_once(tmp_path: Path, reads: list[Path]) -> None:
    log = log_in(tmp_path.resolve(), SLUG)
    records.made(log.project)
    log.path.write_bytes(line(CLAIM))
    time.sleep(SETTLED_S)
    assert log.read().events == (CLAIM,)
    reads.clear()
    assert log.read().events == (CLAIM,)
    assert reads == []
    plain(log).append([BEGIN])
    log.path.write_bytes(line(CLAIM))
    time.sleep(SETTLED_S)
    assert log.read().events == (CLAIM, BEGIN)


def test_recorded_foreign_lines_are_cached(remembered: RecordedLog, reads: list[Path]) -> None:
    with remembered.path.open("ab") as file:
        file.write(line(COLLEAGUE))
    time.sleep(SETTLED_S)
    remembered.take_in()
    known = records.made(remembered.project).memory.get(SLUG)
    assert known is not None
    assert known.is_taken_in
    assert known.content is not None
    reads.clear()
    assert remembered.take_in().events == (CLAIM, BEGIN, COLLEAGUE)
    assert reads == []


def test_the_first_branch_that_a_log_was_written_on_is_recorded(root: Path) -> None:
    log = log_in(root, SLUG)
    log.path.write_bytes(line(COLLEAGUE))
    records.made(log.project)
    time.sleep(SETTLED_S)
    log.take_in()
    prepared = log.prepared([NOTE])
    record = records.made(log.project)
    record.commit(prepared.drafts)
    prepared.follow()
    known = record.memory.get(SLUG)
    assert known is not None
    assert known.content is not None
    assert (known.known.branch, record.missions(None, folder=SLUG)[0].branch) == ("main", "main")
    git(root, "switch", "-qc", "other")
    before = log.path.read_bytes()
    log.path.write_bytes(line(COLLEAGUE))
    log.append([OTHER])
    # The file lacks a line, but it was last written on another branch.
    assert log.path.read_bytes() == line(COLLEAGUE)
    assert before == line(COLLEAGUE) + line(NOTE)
