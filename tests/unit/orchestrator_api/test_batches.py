"""Requests that are answered in a batch are answered as each would be alone, and committed at once."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from specify_cli import batch, bootstrap
from specify_cli.errors import StorageFailed
from specify_cli.files import locks
from specify_cli.orchestrator_api.dispatcher import Answer, Dispatcher
from specify_cli.storage import records, remembered_log
from specify_cli.storage.journal_batch import JournalBatch
from specify_cli.storage.layout import Layout
from specify_cli.storage.project import Project
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, REQUEST
from specify_cli.storage.request_file import RequestFile
from specify_cli.workflow import lost_heads, package_notes
from specify_cli.workflow.context import Decision
from tests.durability import watched
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.doors import answer, body

SETTLED_S = 0.03
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
CLAIM = {"mission": SLUG, "wp": "WP01", "actor": "coder", "to": "claimed"}
STATE = {"mission": SLUG}
Asked = tuple[str, str, dict[str, Any]]

MIXED: list[Asked] = [
    ("a", "append-history", NOTE),
    ("b", "mission-state", STATE),
    ("c", "transition", CLAIM),
    ("d", "mission-state", STATE),
    ("e", "transition", CLAIM | {"actor": "another"}),
    ("f", "append-history", NOTE | {"wp": "WP02"}),
    ("g", "append-history", NOTE | {"actor": "another"}),
    ("h", "list-ready", STATE),
    ("i", "append-history", NOTE | {"wp": "WP77"}),
    ("j", "append-history", NOTE | {"mission": "elsewhere"}),
    ("k", "append-history", {"mission": SLUG}),
    ("l", "contract-version", {}),
    ("m", "transition", CLAIM | {"wp": "WP02", "to": "nowhere"}),
    ("n", "append-history", NOTE | {"note": "key AKIAIOSFODNN7EXAMPLE"}),
    ("o", "mission-state", STATE),
]


@pytest.fixture
def dispatcher(project: Stage) -> Dispatcher:
    time.sleep(SETTLED_S)
    # As a worker does when it starts.
    lost_heads.require_current(Project(project.root))
    return bootstrap.dispatcher(project.root)


def files(dispatcher: Dispatcher, asked: Sequence[Asked]) -> list[RequestFile]:
    made = []
    for stem, command, args in asked:
        raw = body(stem, command, args)
        found = dispatcher.look_up(raw)
        made.append(RequestFile(raw=raw, stem=stem, identity="default", mission=found))
    return made


def codes(answers: Sequence[Answer | None]) -> list[str | None]:
    return [None if it is None else it.envelope["error_code"] or "OK" for it in answers]


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The kinds of entries of each commit."""
    found: list[list[str]] = []
    commit = Record.commit

    def noted(record: Record, drafts: list[Any], **more: Any) -> Any:
        found.append([it.kind for it in drafts])
        return commit(record, drafts, **more)

    monkeypatch.setattr(Record, "commit", noted)
    return found


def plain(envelope: Any, root: Path) -> Any:
    """What two hosts say alike: without moments, and without ids that are minted."""
    text = json.dumps(envelope).replace(str(root), "ROOT")
    said = json.loads(text)
    said["timestamp"] = ""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: "" if k in ("since", "history_entry_id", "last_sign_of_life") else without(v)
                for k, v in value.items()
            }
        return [without(it) for it in value] if isinstance(value, list) else value

    return without(said)


def test_a_batch_answers_as_each_alone(
    project: Stage, dispatcher: Dispatcher, tmp_path: Path, commits: list[list[str]]
) -> None:
    alone = Stage(root=tmp_path / "alone")
    alone.make_repository()
    alone.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    expected = [answer(alone, body(*asked), stem=asked[0], identity="default") for asked in MIXED]
    commits.clear()
    first = dispatcher.answer_batch(files(dispatcher, MIXED))
    assert len(commits) == 1
    assert sum(it is not None for it in first) > len(MIXED) // 2
    answers = [_alone(dispatcher, asked, it) for asked, it in zip(MIXED, first, strict=True)]
    assert [plain(it.envelope, project.root) for it in answers] == [
        plain(it, alone.root) for it in expected
    ]
    names = ("correlation_id", "identity", "command", "actor", "args", "commits")
    assert [[it[name] for name in names] for it in project.journal()] == [
        [it[name] for name in names] for it in alone.journal()
    ]
    assert [it["event_ids"] for it in project.journal() if it["event_ids"]] == [
        [it["event_id"]] for it in project.events()
    ]


def _alone(dispatcher: Dispatcher, asked: Asked, found: Answer | None) -> Answer:
    if found is not None:
        return found
    (file,) = files(dispatcher, [asked])
    return dispatcher.answer_bytes(
        file.raw, stem=file.stem, identity="default", mission=file.mission
    )


def test_all_of_a_batch_is_one_transaction(
    project: Stage, dispatcher: Dispatcher, commits: list[list[str]]
) -> None:
    answers = dispatcher.answer_batch(
        files(dispatcher, [(f"r{n}", "append-history", NOTE) for n in range(5)])
    )
    assert codes(answers) == ["OK"] * 5
    assert commits == [[EVENTS, REQUEST] * 5]
    assert [it["correlation_id"] for it in project.journal()] == [f"r{n}" for n in range(5)]
    assert [it["correlation_id"] for it in project.events()] == [f"r{n}" for n in range(5)]


def test_a_commit_that_fails_leaves_nothing_and_each_is_told_alone(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise StorageFailed("the disk is full")

    asked = files(dispatcher, [("a", "append-history", NOTE), ("b", "append-history", NOTE)])
    with monkeypatch.context() as patch:
        patch.setattr(Record, "commit", refuse)
        assert codes(dispatcher.answer_batch(asked)) == [None, None]
    assert project.events() == []
    assert project.journal() == []
    assert codes(dispatcher.answer_batch(asked)) == ["OK", "OK"]
    assert len(project.events()) == 2


def test_the_files_have_what_is_committed_when_the_batch_is_answered(
    project: Stage, dispatcher: Dispatcher
) -> None:
    asked = files(dispatcher, [("a", "append-history", NOTE), ("b", "append-history", NOTE)])
    with watched() as disk:
        dispatcher.answer_batch(asked)
    assert len(project.events()) == len(project.journal()) == 2
    mission, journal = f"lock mission-{SLUG}", "lock journal"
    locked = [step for step in disk.steps if step.endswith((mission, journal))]
    assert locked == [
        journal,
        mission,
        f"un{mission}",
        f"un{journal}",
    ]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Somebody else holds the lock."""
    begun, over = Event(), Event()
    path.parent.mkdir(parents=True, exist_ok=True)

    def hold() -> None:
        with locks.held(path):
            begun.set()
            over.wait()

    thread = Thread(target=hold)
    thread.start()
    begun.wait()
    yield
    over.set()
    thread.join()


def test_a_mission_that_somebody_changes_is_not_waited_for(
    project: Stage, dispatcher: Dispatcher
) -> None:
    project.write_mission({"WP01": {}}, slug="002-other")
    time.sleep(SETTLED_S)
    other = NOTE | {"mission": "002-other"}
    asked = [
        ("a", "append-history", NOTE),
        ("b", "append-history", other),
        ("c", "mission-state", STATE),
    ]
    with held(Layout(project.root).lock(f"mission-{SLUG}")):
        answers = dispatcher.answer_batch(files(dispatcher, asked))
    # What comes after in the same queue has to wait as well, though it only reads.
    assert codes(answers) == [None, "OK", None]


def test_what_asks_git_is_answered_alone(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *it, **_: started.append(it))
    begin = CLAIM | {"to": "in_progress"}
    asked = [
        ("a", "transition", CLAIM),
        ("b", "transition", begin),
        ("c", "append-history", NOTE),
    ]
    assert codes(dispatcher.answer_batch(files(dispatcher, asked))) == ["OK", None, None]
    assert started == []
    assert [it["to_lane"] for it in project.events()] == ["claimed"]


@pytest.mark.parametrize("command", ["append-history", "mission-state"])
def test_an_id_that_was_used_before_is_answered_alone(
    project: Stage, dispatcher: Dispatcher, command: str
) -> None:
    first = answer(project, body("a", "append-history", NOTE), stem="a", identity="default")
    args = NOTE if command == "append-history" else STATE
    asked = [("a", command, args), ("b", command, args), ("c", "contract-version", {})]
    answers = dispatcher.answer_batch(files(dispatcher, asked))
    assert codes(answers) == [None, None, "OK"]
    repeated = _alone(dispatcher, asked[0], None).envelope
    assert (repeated == first) == (command == "append-history")
    assert len(project.events()) == 1


def test_of_an_id_that_comes_twice_in_a_batch_the_first_one_counts(
    project: Stage, dispatcher: Dispatcher
) -> None:
    asked = [("a", "append-history", NOTE), ("a", "append-history", NOTE | {"note": "other"})]
    answers = dispatcher.answer_batch(files(dispatcher, asked))
    assert codes(answers) == ["OK", None]
    assert _alone(dispatcher, asked[1], None).envelope["error_code"] == "CORRELATION_ID_CONFLICT"
    assert [it["annotation" if "annotation" in it else "delta"] for it in project.events()] == [
        {"note": "n"}
    ]


def test_an_id_that_somebody_else_uses_meanwhile_stops_the_batch(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = JournalBatch.append

    def overtaken(book: JournalBatch, decided: Any) -> Any:
        # By a host whose lock was taken away under it.
        Layout(project.root).lock("journal").unlink()
        answer(project, body("b", "contract-version", {}), stem="b", identity="default")
        return append(book, decided)

    monkeypatch.setattr(JournalBatch, "append", overtaken)
    asked = [("a", "append-history", NOTE), ("b", "append-history", NOTE)]
    assert codes(dispatcher.answer_batch(files(dispatcher, asked))) == [None, None]
    assert project.events() == []
    assert [it["correlation_id"] for it in project.journal()] == ["b"]


def test_a_mission_that_somebody_else_changes_meanwhile_stops_the_batch(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(project, body("first", "append-history", NOTE), stem="first", identity="default")
    time.sleep(SETTLED_S)
    append = JournalBatch.append

    def overtaken(book: JournalBatch, decided: Any) -> Any:
        # By a host whose locks were taken away under it.
        for name in ("journal", f"mission-{SLUG}"):
            Layout(project.root).lock(name).unlink()
        answer(project, body("x", "append-history", NOTE), stem="x", identity="default")
        return append(book, decided)

    monkeypatch.setattr(JournalBatch, "append", overtaken)
    asked = [("a", "append-history", NOTE), ("b", "append-history", NOTE)]
    assert codes(dispatcher.answer_batch(files(dispatcher, asked))) == [None, None]
    assert [it["correlation_id"] for it in project.events()] == ["first", "x"]


def test_a_refusal_after_a_decision_takes_back_its_own_alone(
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


def test_lines_that_others_wrote_are_taken_in_before_the_batch_decides(
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
        it or dispatcher.answer_bytes(f.raw, stem=f.stem, identity="default", mission=f.mission)
        for f, it in zip(asked, dispatcher.answer_batch(asked), strict=True)
    ]
    assert codes(answers) == ["OK", "OK"]
    assert [it["event_id"] for it in project.events()][1] == "THEIRS"
    assert len(project.events()) == 4


def test_no_handler_takes_what_is_not_for_a_batch_for_a_fault() -> None:
    assert not issubclass(batch.NotInBatch, Exception)
    with batch.begun() as inside:
        batch.require_none()
        with batch.deciding(inside), pytest.raises(batch.NotInBatch):
            batch.require_none()
        assert batch.current() is None


def test_a_journal_that_somebody_holds_is_not_waited_for(
    project: Stage, dispatcher: Dispatcher
) -> None:
    asked = files(dispatcher, [("a", "append-history", NOTE)])
    with held(Layout(project.root).lock("journal")):
        assert codes(dispatcher.answer_batch(asked)) == [None]
    assert codes(dispatcher.answer_batch(asked)) == ["OK"]


def test_a_large_log_that_is_not_in_memory_is_read_at_leisure(
    project: Stage, dispatcher: Dispatcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(project, body("first", "append-history", NOTE), stem="first", identity="default")
    time.sleep(SETTLED_S)
    asked = files(dispatcher, [("a", "append-history", NOTE)])
    monkeypatch.setattr(remembered_log, "_SMALL", 10)
    # As where a log cannot be folded entry by entry: the file is known, its content was not asked for.
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


def test_a_fault_behind_the_commit_changes_no_answer(
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
    # The file of the log comes up with the next event.
    assert _alone(dispatcher, ("c", "append-history", NOTE), None).envelope["success"]
    assert [it["correlation_id"] for it in project.events()] == ["a", "b", "c"]


def test_the_recorded_answer_is_found_by_whose_it_is(
    project: Stage, dispatcher: Dispatcher
) -> None:
    first = answer(project, body("a", "append-history", NOTE), stem="a", identity="default")
    found = dispatcher.recorded("a", identity="default")
    assert found is not None
    assert (found.envelope, found.is_repeat) == (first, True)
    assert dispatcher.recorded("a", identity="nightly") is None
    assert dispatcher.recorded("b", identity="default") is None
