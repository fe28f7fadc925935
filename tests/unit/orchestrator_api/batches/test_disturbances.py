"""Batches while other hosts change the project, and batches with bugs."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from specify_cli import batch
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.storage import records, remembered_log
from specify_cli.storage.journal_batch import JournalBatch
from specify_cli.storage.layout import Layout
from specify_cli.workflow import package_notes
from specify_cli.workflow.context import Decision
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.batches.requests import NOTE, SETTLED_S, _alone, codes, files, held
from tests.unit.orchestrator_api.doors import answer, body


def test_an_id_used_by_another_host_meanwhile_stops_the_batch(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = JournalBatch.append

    def overtaken(book: JournalBatch, decided: Any) -> Any:
        # Another host can write because the lock file is removed.
        Layout(project.root).lock("journal").unlink()
        answer(project, body("b", "contract-version", {}), stem="b", identity="default")
        return append(book, decided)

    monkeypatch.setattr(JournalBatch, "append", overtaken)
    asked = [("a", "append-history", NOTE), ("b", "append-history", NOTE)]
    assert codes(dispatcher.answer_batch(files(dispatcher, asked))) == [None, None]
    assert project.events() == []
    assert [it["correlation_id"] for it in project.journal()] == ["b"]


def test_a_mission_changed_by_another_host_meanwhile_stops_the_batch(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(project, body("first", "append-history", NOTE), stem="first", identity="default")
    time.sleep(SETTLED_S)
    append = JournalBatch.append

    def overtaken(book: JournalBatch, decided: Any) -> Any:
        # Another host can write because the lock files are removed.
        for name in ("journal", f"mission-{SLUG}"):
            Layout(project.root).lock(name).unlink()
        answer(project, body("x", "append-history", NOTE), stem="x", identity="default")
        return append(book, decided)

    monkeypatch.setattr(JournalBatch, "append", overtaken)
    asked = [("a", "append-history", NOTE), ("b", "append-history", NOTE)]
    assert codes(dispatcher.answer_batch(files(dispatcher, asked))) == [None, None]
    assert [it["correlation_id"] for it in project.events()] == ["first", "x"]


def test_a_bug_in_one_request_undoes_only_that_request(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = package_notes._note_report
    calls: list[int] = []

    def fails_second(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("a bug")
        return report(*args)

    monkeypatch.setattr(package_notes, "_note_report", fails_second)
    asked = files(dispatcher, [(name, "append-history", NOTE) for name in "abc"])
    assert codes(dispatcher.answer_batch(asked)) == ["OK", "HOST_ERROR", "OK"]
    assert [it["correlation_id"] for it in project.events()] == ["a", "c"]
    assert [len(it["event_ids"]) for it in project.journal()] == [1, 0, 1]


def test_log_lines_of_others_are_taken_in_before_the_batch_decides(
    project: Stage, dispatcher: Dispatcher
) -> None:
    answer(project, body("first", "append-history", NOTE), stem="first", identity="default")
    log = project.root / "kitty-specs" / SLUG / "status.events.jsonl"
    line = json.loads(log.read_bytes().splitlines()[-1]) | {"event_id": "THEIRS", "actor": "x"}
    with log.open("a") as file:
        file.write(json.dumps(line) + "\n")
    time.sleep(SETTLED_S)
    asked = files(dispatcher, [(name, "append-history", NOTE) for name in "ab"])
    answers = [
        it or dispatcher.answer_bytes(f.raw, stem=f.stem, identity="default", lookup=f.lookup)
        for f, it in zip(asked, dispatcher.answer_batch(asked), strict=True)
    ]
    assert codes(answers) == ["OK", "OK"]
    assert [it["event_id"] for it in project.events()][1] == "THEIRS"
    assert len(project.events()) == 4


def test_handlers_cannot_catch_not_in_batch_as_an_exception() -> None:
    assert not issubclass(batch.NotInBatch, Exception)
    with batch.begun() as inside:
        batch.require_none()
        with batch.deciding(inside), pytest.raises(batch.NotInBatch):
            batch.require_none()
        assert batch.current() is None


def test_a_batch_does_not_wait_for_a_locked_journal(project: Stage, dispatcher: Dispatcher) -> None:
    asked = files(dispatcher, [("a", "append-history", NOTE)])
    with held(Layout(project.root).lock("journal")):
        assert codes(dispatcher.answer_batch(asked)) == [None]
    assert codes(dispatcher.answer_batch(asked)) == ["OK"]


def test_a_large_log_that_is_not_cached_is_not_read_in_a_batch(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(project, body("first", "append-history", NOTE), stem="first", identity="default")
    time.sleep(SETTLED_S)
    asked = files(dispatcher, [("a", "append-history", NOTE)])
    monkeypatch.setattr(remembered_log, "_SMALL", 10)
    # The file is known but its content is not cached, as for a log that is not folded entry by entry.
    record = records.made(Layout(project.root))
    with record.writing() as connection:
        connection.execute("DELETE FROM folded")
    memory = record.memory
    known = memory.get(SLUG)
    assert known is not None
    memory.put(SLUG, known._replace(content=None))
    assert codes(dispatcher.answer_batch(asked)) == [None]
    _alone(dispatcher, ("a", "append-history", NOTE), None)
    later = files(dispatcher, [("b", "append-history", NOTE)])
    assert codes(dispatcher.answer_batch(later)) == ["OK"]


def test_a_bug_after_the_commit_does_not_change_the_answer(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("a bug")

    asked = files(dispatcher, [(name, "append-history", NOTE) for name in "ab"])
    with monkeypatch.context() as patch:
        patch.setattr(Decision, "follow", fail)
        assert codes(dispatcher.answer_batch(asked)) == ["OK", "OK"]
    assert "a bug" in Layout(project.root).faults.read_text()
    assert [it["correlation_id"] for it in project.journal()] == ["a", "b"]
    # The next event brings the file of the log up to date.
    assert _alone(dispatcher, ("c", "append-history", NOTE), None).envelope["success"]
    assert [it["correlation_id"] for it in project.events()] == ["a", "b", "c"]


def test_a_recorded_answer_is_found_only_for_its_orchestrator(
    project: Stage, dispatcher: Dispatcher
) -> None:
    first = answer(project, body("a", "append-history", NOTE), stem="a", identity="default")
    found = dispatcher.recorded("a", identity="default")
    assert found is not None
    assert (found.envelope, found.is_repeat) == (first, True)
    assert dispatcher.recorded("a", identity="nightly") is None
    assert dispatcher.recorded("b", identity="default") is None
