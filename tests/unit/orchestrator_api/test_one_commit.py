"""The events of a request are committed together with its answer, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.files import locks
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.storage import records
from specify_cli.storage.journal_publisher import JournalPublisher
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, PLANNED, REQUEST
from specify_cli.workflow import work_packages
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.doors import KilledHost, answer, body

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
START = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
CLAIM = START | {"to": "claimed"}
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("append-history", NOTE),
    ("start-implementation", START),
    ("transition", CLAIM),
]


@pytest.mark.parametrize(("command", "args"), CHANGES)
def test_a_request_and_its_events_are_one_transaction(
    project: Stage, monkeypatch: pytest.MonkeyPatch, command: str, args: dict[str, Any]
) -> None:
    commits: list[list[str]] = []
    commit = Record.commit

    def counted(record: Record, drafts: list[Any], **more: Any) -> Any:
        commits.append([it.kind for it in drafts])
        return commit(record, drafts, **more)

    monkeypatch.setattr(Record, "commit", counted)
    assert answer(project, body("one", command, args), identity="default")["success"]
    # The plan of execution lanes has a commit of its own: it is the same whoever makes it.
    assert commits == [*[[PLANNED]] * (command == "start-implementation"), [EVENTS, REQUEST]]
    assert project.journal()[-1]["event_ids"] == [it["event_id"] for it in project.events()]


@pytest.mark.parametrize(("command", "args"), CHANGES)
def test_a_host_killed_before_the_commit_has_changed_nothing(
    project: Stage, command: str, args: dict[str, Any]
) -> None:
    raw = body("one", command, args)
    with pytest.raises(StorageFailed):
        Dispatcher(KilledHost(project.root)).answer_bytes(raw, stem="one", identity="default")
    assert project.events() == []
    assert not Layout(project.root).journal.exists()
    assert answer(project, raw, identity="default")["success"]
    events = len(project.events())
    assert answer(project, raw, identity="default")["success"]
    assert len(project.events()) == events


def test_a_bug_after_the_decision_records_no_event(
    project: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a bug")

    raw = body("one", "start-implementation", START)
    with monkeypatch.context() as patch:
        patch.setattr(work_packages, "_move_report", fail)
        assert answer(project, raw, identity="default")["error_code"] == "HOST_ERROR"
    assert project.events() == []
    (line,) = project.journal()
    assert line["event_ids"] == []
    # The locks were released.
    raw = body("two", "start-implementation", START)
    assert answer(project, raw, stem="two", identity="default")["success"]


def test_the_mission_stays_locked_until_its_events_are_committed(
    project: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = Layout(project.root).lock(f"mission-{SLUG}")
    commit = Record.commit

    def watched(record: Record, drafts: list[Any], **more: Any) -> Any:
        with pytest.raises(StorageFailed), locks.held(lock, timeout_s=0):
            pass
        return commit(record, drafts, **more)

    monkeypatch.setattr(Record, "commit", watched)
    assert answer(project, body("one", "append-history", NOTE), identity="default")["success"]
    with locks.held(lock, timeout_s=0):
        assert records.found(Layout(project.root)) is not None


def test_a_recorded_but_unpublished_answer_is_published_when_repeated(
    project: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = body("one", "append-history", NOTE)
    with monkeypatch.context() as patch:
        patch.setattr(JournalPublisher, "add", lambda *_: None)
        first = answer(project, raw, identity="default")
    assert project.journal() == []
    assert answer(project, raw, identity="default") == first
    (line,) = project.journal()
    assert line["envelope"] == first
