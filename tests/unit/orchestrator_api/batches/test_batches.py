"""Requests in a batch get the same answers as separate requests, and are committed at once."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_entries import EVENTS, REQUEST
from tests.durability import watched
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.batches.requests import (
    NOTE,
    SETTLED_S,
    Asked,
    _alone,
    codes,
    files,
    held,
)
from tests.unit.orchestrator_api.doors import answer, body

CLAIM = {"mission": SLUG, "wp": "WP01", "actor": "coder", "to": "claimed"}
STATE = {"mission": SLUG}

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
def commits(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The kinds of the entries of each commit."""
    found: list[list[str]] = []
    commit = Record.commit

    def noted(record: Record, drafts: list[Any], **more: Any) -> Any:
        found.append([it.kind for it in drafts])
        return commit(record, drafts, **more)

    monkeypatch.setattr(Record, "commit", noted)
    return found


def plain(envelope: Any, root: Path) -> Any:
    """The envelope without times and generated ids, which differ between hosts."""
    text = json.dumps(envelope).replace(str(root), "ROOT")
    said = json.loads(text)
    said["timestamp"] = ""

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                k: ""
                if k in ("since", "history_entry_id", "last_sign_of_life", "position")
                else without(v)
                for k, v in value.items()
            }
        return [without(it) for it in value] if isinstance(value, list) else value

    return without(said)


def test_a_batch_gives_the_same_answers_as_separate_requests(
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


def test_a_batch_is_one_transaction(
    project: Stage, dispatcher: Dispatcher, commits: list[list[str]]
) -> None:
    answers = dispatcher.answer_batch(
        files(dispatcher, [(f"r{n}", "append-history", NOTE) for n in range(5)])
    )
    assert codes(answers) == ["OK"] * 5
    assert commits == [[EVENTS, REQUEST] * 5]
    assert [it["correlation_id"] for it in project.journal()] == [f"r{n}" for n in range(5)]
    assert [it["correlation_id"] for it in project.events()] == [f"r{n}" for n in range(5)]


def test_a_failed_commit_changes_nothing_and_leaves_all_requests_unanswered(
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


def test_a_batch_writes_log_and_journal_before_it_answers(
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


def test_a_batch_does_not_wait_for_a_locked_mission(project: Stage, dispatcher: Dispatcher) -> None:
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
    # A later request in the same queue has to wait as well, even a read.
    assert codes(answers) == [None, "OK", None]


def test_a_request_that_needs_git_is_not_answered_in_a_batch(
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
def test_a_request_with_a_used_id_is_not_answered_in_a_batch(
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


def test_of_two_requests_with_the_same_id_only_the_first_is_executed(
    project: Stage, dispatcher: Dispatcher
) -> None:
    asked = [("a", "append-history", NOTE), ("a", "append-history", NOTE | {"note": "other"})]
    answers = dispatcher.answer_batch(files(dispatcher, asked))
    assert codes(answers) == ["OK", None]
    assert _alone(dispatcher, asked[1], None).envelope["error_code"] == "CORRELATION_ID_CONFLICT"
    assert [it["annotation" if "annotation" in it else "delta"] for it in project.events()] == [
        {"note": "n"}
    ]
