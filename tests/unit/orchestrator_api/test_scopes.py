"""Every orchestrator has its own correlation ids."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.errors import StorageFailed
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from tests.integration.stage import SLUG, Stage, digest_of_tree
from tests.unit.orchestrator_api.doors import (
    KilledHost,
    answer,
    body,
    committed_before_the_answer,
    configure,
)

pytestmark = pytest.mark.long

NAMES = ("default", "nightly", "weekly")
EVERYBODY = "".join(f'[orchestrators.{name}]\ncommands = ["all"]\n' for name in NAMES)
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}


@pytest.fixture
def project(project: Stage) -> Stage:
    """Every orchestrator is granted everything."""
    configure(project, EVERYBODY)
    return project


def note(stem: str = "one", text: str = "n") -> bytes:
    return body(stem, "append-history", {**NOTE, "note": text})


def killed_answer(project: Stage, raw: bytes, *, stem: str = "one", identity: str) -> None:
    """Kill the host after the request had its effects and before its answer is recorded."""
    with pytest.raises(StorageFailed):
        Dispatcher(KilledHost(project.root)).answer_bytes(raw, stem=stem, identity=identity)


@pytest.mark.parametrize("other", ["n", "of another body"])
@pytest.mark.parametrize("is_first_killed", [False, True])
def test_the_same_id_from_two_orchestrators_is_two_requests(
    project: Stage, other: str, is_first_killed: bool
) -> None:
    if is_first_killed:
        with committed_before_the_answer():
            killed_answer(project, note(), identity="nightly")
        assert len(project.events()) == 1
    else:
        first = answer(project, note(), identity="nightly")
    for identity in ("weekly", "default"):
        assert answer(project, note(text=other), identity=identity)["success"]
    again = answer(project, note(), identity="nightly")
    assert again["success"]
    if not is_first_killed:
        assert again == first
    assert answer(project, note(text="changed"), identity="nightly")["error_code"] == (
        "CORRELATION_ID_CONFLICT"
    )
    events = project.events()
    assert [event["delta"]["note"] for event in events] == ["n", other, other]
    assert [event.get("identity") for event in events] == ["nightly", "weekly", None]
    assert ["identity" in event for event in events] == [True, True, False]
    lines = [line for line in project.journal() if line["envelope"]["success"]]
    assert {line["identity"]: line["event_ids"] for line in lines} == {
        identity: [event["event_id"]]
        for identity, event in zip(("nightly", "weekly", "default"), events, strict=True)
    }


def test_an_interrupted_merge_is_not_completed_by_another_orchestrator(project: Stage) -> None:
    project.approve("WP01", {"one.txt": "1\n"})
    project.approve("WP02", {"two.txt": "2\n"})
    raw = body("one", "merge-mission", {"mission": SLUG})
    killed_answer(project, raw, identity="nightly")
    merged = project.git("rev-parse", "main")
    theirs = answer(project, raw, identity="weekly")
    assert theirs["success"]
    assert theirs["data"]["commit"] != merged
    ours = answer(project, raw, identity="nightly")
    assert ours["success"]
    moves = [event for event in project.events() if event.get("to_lane") == "done"]
    assert {event["identity"] for event in moves} == {"nightly"}
    assert project.journal()[-1]["event_ids"] == [event["event_id"] for event in moves]


def test_the_command_line_shares_its_ids_only_with_the_root_inbox(project: Stage) -> None:
    assert answer(project, note(), identity="nightly")["success"]
    first = project.ask("append-history", correlation_id="one", **NOTE)
    assert first["success"]
    assert answer(project, note(), identity="default") == first
    assert len(project.events()) == 2


def test_an_orchestrator_cannot_read_the_reply_of_another(project: Stage) -> None:
    secret = answer(project, note(), identity="nightly")
    theirs = answer(project, note(), identity="weekly")
    assert theirs["data"]["history_entry_id"] != secret["data"]["history_entry_id"]
    unlike = body("one", "mission-state", {"mission": SLUG})
    assert answer(project, unlike, identity="default")["command"].endswith("mission-state")


def test_a_dispatcher_serves_many_threads(project: Stage) -> None:
    dispatcher = bootstrap.dispatcher(project.root)

    def ask(case: tuple[str, int]) -> Any:
        identity, number = case
        stem = f"id-{number}"
        made = dispatcher.answer_bytes(note(stem), stem=stem, identity=identity)
        return made.envelope["success"]

    cases = [(identity, number) for number in range(20) for identity in NAMES] * 2
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, cases))
    assert len(project.events()) == len(project.journal()) == 60
    assert list(bootstrap.find_missing_events(bootstrap.mailbox_layout(project.root))) == []


# Queues of requests.


@pytest.mark.parametrize(
    ("raw", "queue"),
    [
        (body("one", "append-history", NOTE), SLUG),
        (body("one", "mission-state", {"mission": "1"}), SLUG),
        (body("one", "nonsense", {"mission": "search", "x": 1}), SLUG),
        (body("one", "mission-state", {"mission": "../.."}), "../.."),
        (body("one", "mission-state", {"mission": "x" * 1000}), "x" * 200),
        (body("one", "mission-state", {"mission": "\ud800"}), "\ud800"),
        (body("one", "mission-state", {"mission": 1}), ""),
        (body("one", "contract-version", {}), ""),
        (b'{"args": []}', ""),
        (b"[]", ""),
        (b"\xff", ""),
        (b"", ""),
        (b"[" * 100_000, ""),
        (b'{"args": {"mission": ' + b"9" * 5000 + b"}}", ""),
    ],
)
def test_requests_are_queued_by_mission(project: Stage, raw: bytes, queue: str) -> None:
    before = digest_of_tree(project.root, besides=())
    assert bootstrap.dispatcher(project.root).look_up(raw).queue == queue
    assert digest_of_tree(project.root, besides=()) == before


def test_without_a_project_requests_are_queued_by_their_selector(tmp_path: Path) -> None:
    assert bootstrap.dispatcher(tmp_path).look_up(note()).queue == SLUG
