"""Replies, refusals and repeated attempts, over a transport that has its answers ready."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import spec_kitty_client
from spec_kitty_client import (
    AsyncClient,
    BadReplyError,
    Client,
    CommandLine,
    CorrelationIdConflict,
    DependenciesNotSatisfied,
    LaneAllocationFailed,
    Mailbox,
    Policy,
    Refused,
    Retry,
    ReviewResult,
    StorageFailed,
    TransportError,
    connect,
)
from spec_kitty_client.exchange import Request
from spec_kitty_client.waiting import BLOCKING, Steps

VERSION = {"api_version": "1.9.0", "min_supported_provider_version": "0.1.0"}
FULL: dict[str, Any] = {"message": "full", "retryable": True}
QUICK = Retry(attempts=4, first_pause_s=0.001, longest_pause_s=0.002)


class Answering:
    """A transport that has its answers ready: `data` of a success, a code with `data`, or an error."""

    def __init__(self, *answers: Any, command: str = "") -> None:
        self.answers = [*answers]
        self.command = command
        self.requests: list[Request] = []

    def exchange(self, request: Request, *, deadline: float) -> Steps:
        self.requests.append(request)
        yield BLOCKING
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        code, data = answer if isinstance(answer, tuple) else (None, answer)
        return {
            "contract_version": "1.9.0",
            "command": f"orchestrator-api.{self.command or request.command}",
            "correlation_id": request.correlation_id,
            "success": code is None,
            "error_code": code,
            "data": data,
        }


def note(client: Client, **options: Any) -> str:
    return client.append_history("1", "WP01", actor="me", note="n", **options).history_entry_id


NOTED = {
    "mission_slug": "001-a",
    "mission_number": 1,
    "mission_type": "software-dev",
    "wp_id": "WP01",
    "history_entry_id": "hist-1",
}


def test_fields_of_a_newer_host_are_ignored_and_call_returns_them() -> None:
    data = {**VERSION, "colour": {"a": [1]}}
    assert Client(Answering(data)).contract_version().api_version == "1.9.0"
    assert Client(Answering(data)).call("contract-version", {}) == data


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ({}, "incomplete"),
        ({**VERSION, "api_version": 1}, "api_version"),
        ({**VERSION, "api_version": None}, "api_version"),
    ],
)
def test_a_reply_that_violates_the_contract_is_reported(data: Any, what: str) -> None:
    with pytest.raises(BadReplyError, match=what):
        Client(Answering(data)).contract_version()


def test_a_refusal_has_the_fields_of_its_code_and_can_be_pickled() -> None:
    data = {"message": "wait", "retryable": True, "unsatisfied_dependencies": ["WP01"], "new": 1}
    with pytest.raises(DependenciesNotSatisfied) as refused:
        note(Client(Answering(("DEPENDENCIES_NOT_SATISFIED", data))))
    for it in (refused.value, pickle.loads(pickle.dumps(refused.value))):
        assert (it.code, it.message, it.retryable) == ("DEPENDENCIES_NOT_SATISFIED", "wait", True)
        assert (it.unsatisfied_dependencies, it.mission_slug) == (("WP01",), None)
        assert it.envelope["data"] == data


@pytest.mark.parametrize("data", [{}, {"message": 3, "retryable": "yes", "paths": "none"}])
def test_a_refusal_of_an_unknown_code_or_with_other_fields_is_still_a_refusal(data: Any) -> None:
    for code in ("OF_TOMORROW", "TRANSITION_REJECTED"):
        with pytest.raises(Refused) as refused:
            note(Client(Answering((code, data))))
        assert (refused.value.code, refused.value.retryable) == (code, False)


def test_the_policy_of_the_client_is_sent_where_a_command_takes_one() -> None:
    moved = {
        **NOTED,
        "from_lane": "planned",
        "to_lane": "blocked",
        "policy_metadata_recorded": True,
    }
    transport = Answering(NOTED, moved, moved)
    policy = Policy.for_agent("claude", orchestrator_id="nightly", dangerous_flags=["--loud"])
    client = Client(transport, policy=policy)
    note(client)
    result = ReviewResult.of("me", fault="untested")
    client.transition("1", "WP01", to="blocked", actor="me", review_result=result)
    client.transition("1", "WP01", to="blocked", actor="me", policy=None)
    sent = [it.policy for it in transport.requests]
    assert (sent[0], sent[2]) == (None, None)
    assert sent[1] == policy.as_json()
    assert transport.requests[1].args["review_result"]["verdict"] == "changes_requested"
    assert "note" not in transport.requests[1].args


@pytest.mark.parametrize(
    "unusable", ["", "a b", "../a", ".a", "Worker", "a" * 129, "a\n", "\u00e9"]
)
def test_an_invalid_request_id_is_refused_before_anything_is_sent(unusable: str) -> None:
    transport = Answering(NOTED)
    with pytest.raises(ValueError, match="is not valid: use up to 128"):
        note(Client(transport), correlation_id=unusable)
    assert not transport.requests


def test_an_editor_that_evaluates_the_package_finds_its_names() -> None:
    # Jedi takes the value of a name that has no annotation: `if False` would hide all names from it.
    assert spec_kitty_client.__annotations__["TYPE_CHECKING"] is bool


def ids_sent(answers: list[Any], **options: Any) -> list[str]:
    transport = Answering(*answers)
    note(Client(transport, retry=QUICK), **options)
    return [it.correlation_id for it in transport.requests]


def test_a_request_that_did_not_arrive_is_sent_again_with_the_same_id() -> None:
    failures = [TransportError("gone", is_temporary=True)] * 3
    assert len(set(ids_sent([*failures, NOTED]))) == 1
    assert ids_sent([*failures, NOTED], correlation_id="mine") == ["mine"] * 4


def test_a_request_that_a_full_host_refused_is_sent_again_with_a_new_id() -> None:
    assert len(set(ids_sent([("STORAGE_FAILED", FULL)] * 3 + [NOTED]))) == 4


def test_a_request_that_still_waits_in_a_mailbox_keeps_its_id() -> None:
    waits = ("STORAGE_FAILED", {**FULL, "reason": "queued"})
    assert ids_sent([waits, NOTED], correlation_id="mine") == ["mine", "mine"]


@pytest.mark.parametrize(
    ("answer", "options", "attempts"),
    [
        (("STORAGE_FAILED", FULL), {"correlation_id": "mine"}, 1),
        (("STORAGE_FAILED", FULL), {}, 4),
        (("STORAGE_FAILED", {**FULL, "takes_more_at": "2030-01-01T00:00:00Z"}), {}, 1),
        (("PREFLIGHT_FAILED", {"message": "m", "retryable": True, "errors": ["e"]}), {}, 1),
        (TransportError("gone", is_temporary=False), {}, 1),
        (TransportError("gone", is_temporary=True), {}, 4),
        (TransportError("gone", is_temporary=True), {"timeout_s": 0}, 1),
    ],
)
def test_the_number_of_attempts_is_limited(answer: Any, options: Any, attempts: int) -> None:
    transport = Answering(*[answer] * 9)
    with pytest.raises((Refused, TransportError)):
        note(Client(transport, retry=QUICK), **options)
    assert len(transport.requests) == attempts


def test_the_error_codes_to_retry_can_be_configured() -> None:
    data = {"message": "m", "retryable": False, "reason": "r", "reason_code": "lane_lost"}
    retry = Retry(attempts=4, first_pause_s=0.001, codes=frozenset({"LANE_ALLOCATION_FAILED"}))
    lost = ("LANE_ALLOCATION_FAILED", data)
    occupied = ("LANE_ALLOCATION_FAILED", {**data, "retryable": True})
    transport = Answering(occupied, occupied, lost, NOTED)
    with pytest.raises(LaneAllocationFailed):
        note(Client(transport, retry=retry))
    assert len({it.correlation_id for it in transport.requests}) == 3


def test_pauses_are_bounded() -> None:
    pauses = [*Retry(attempts=9, first_pause_s=0.1, longest_pause_s=1).pauses()]
    assert len(pauses) == 8
    assert 0.07 < pauses[0] <= 0.1
    assert max(pauses) <= 1


@pytest.mark.parametrize("answer", [FileExistsError(17, "it waits", "mine.json"), NOTED])
def test_a_different_request_with_a_used_id_is_a_conflict(answer: Any) -> None:
    with pytest.raises(CorrelationIdConflict):
        note(Client(Answering(answer, command="heartbeat")), correlation_id="mine")


def state_of(planned: int, **more: Any) -> dict[str, Any]:
    lanes = ("planned", "claimed", "in_progress", "for_review", "in_review", "approved", "done")
    summary = dict.fromkeys((*lanes, "blocked", "canceled", "total"), planned)
    header = {"mission_slug": "001-a", "mission_number": 1, "mission_type": "software-dev"}
    return {**header, "summary": summary, "work_packages": [], **more}


OLDER = [state_of(3), state_of(3), state_of(3), state_of(2)]
NEWER = [
    state_of(3, position="a"),
    state_of(3, position="a", changed=False),
    state_of(3, position="b", changed=True),
    state_of(2, position="c", changed=True),
]


@pytest.mark.parametrize(
    ("answers", "asked_after", "planned"),
    [(OLDER, [None] * 4, [3, 2]), (NEWER, [None, "a", "a", "b"], [3, 3, 2])],
)
def test_changes_works_with_hosts_that_can_wait_and_with_others(
    answers: list[Any], asked_after: list[Any], planned: list[int]
) -> None:
    async def seen_async(transport: Answering) -> list[int]:
        found: list[int] = []
        async for state in AsyncClient(transport).changes("1", poll_s=0.001):
            found.append(state.summary.planned)
            if not transport.answers:
                break
        return found

    first, second = Answering(*answers), Answering(*answers)
    seen = []
    for state in Client(first).changes("1", poll_s=0.001):
        seen.append(state.summary.planned)
        if not first.answers:
            break
    assert seen == asyncio.run(seen_async(second)) == planned
    for transport in (first, second):
        assert [it.args.get("after") for it in transport.requests] == asked_after


def test_tasks_share_an_async_client() -> None:
    transport = Answering(*[VERSION] * 20)

    async def ask() -> list[Any]:
        client = AsyncClient(transport)
        return await asyncio.gather(*(client.contract_version() for _ in range(20)))

    assert [it.api_version for it in asyncio.run(ask())] == ["1.9.0"] * 20
    with pytest.raises(StorageFailed):
        asyncio.run(AsyncClient(Answering(("STORAGE_FAILED", FULL)), timeout_s=0).list_ready("1"))


def test_a_canceled_call_ends_its_exchange_without_blocking_the_event_loop() -> None:
    ended = []

    class Endless:
        def exchange(self, request: Request, *, deadline: float) -> Steps:
            try:
                while True:
                    yield 0.001
            finally:
                ended.append(request.correlation_id)

    async def ask() -> None:
        async with asyncio.timeout(0.05):
            await AsyncClient(Endless()).heartbeat("1", "WP01", actor="me", correlation_id="mine")

    with pytest.raises(TimeoutError):
        asyncio.run(ask())
    assert ended == ["mine"]


@pytest.fixture
def folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("SPEC_KITTY_MAILBOX", raising=False)
    monkeypatch.chdir(tmp_path)
    for name in ("box/inbox", "box/outbox", "project/.kitty/inbox", "project/inbox"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


MAILBOXES: dict[str, Callable[[Any], str]] = {
    "a folder": lambda folder: f"{folder}/box",
    "two folders": lambda folder: f"{folder}/box/inbox:{folder}/box/outbox",
}


@pytest.mark.parametrize("kind", MAILBOXES)
def test_connect_recognizes_a_mailbox(
    folder: Any, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = connect(MAILBOXES[kind](folder))
    monkeypatch.setenv("SPEC_KITTY_MAILBOX", MAILBOXES[kind](folder))
    for found in (named, connect()):
        assert isinstance(found, Mailbox)
        assert (found.inbox, found.outbox) == (folder / "box/inbox", folder / "box/outbox")


def test_connect_recognizes_a_project(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(connect(folder / "project"), CommandLine)
    monkeypatch.chdir(folder / "project")
    assert isinstance(connect(), CommandLine)


@pytest.mark.parametrize("where", ["nowhere", ".", "a:b:c"])
def test_connect_refuses_anything_else(folder: Any, where: str) -> None:
    with pytest.raises(ValueError, match="INBOX:OUTBOX"):
        connect(where)
