from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specify_cli import bootstrap
from specify_cli.errors import (
    ContractVersionMismatch,
    NotAuthorized,
    RequestTooLarge,
    SpecKittyError,
    StorageFailed,
)
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.orchestrator_api.execution import Execution
from specify_cli.orchestrator_api.request import Origin, Request, for_intent
from specify_cli.storage import records
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from tests.integration.stage import APPROVED, ENVELOPE_KEYS, POLICY, SLUG, Stage, digest_of_tree
from tests.unit.orchestrator_api.doors import committed_before_the_answer

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
NOW = "2026-05-06T07:08:09.000010+00:00"
CODES = [None, "USAGE_ERROR", "REQUEST_MALFORMED", "CONTRACT_VERSION_MISMATCH"]


def body(stem: str, command: str, args: Mapping[str, Any], **more: Any) -> bytes:
    whole = {
        "contract_version": "1.3.0",
        "correlation_id": stem,
        "command": command,
        "args": args,
        **more,
    }
    return json.dumps(whole).encode()


def answer(project: Stage, raw: bytes, stem: str = "one") -> dict[str, Any]:
    dispatcher = bootstrap.dispatcher(project.root)
    given_back = dispatcher.answer_bytes(raw, stem=stem, identity="default")
    envelope: dict[str, Any] = json.loads(given_back.reply)
    assert envelope == given_back.envelope
    assert set(envelope) == ENVELOPE_KEYS
    assert envelope["correlation_id"] == stem
    assert envelope["success"] is (envelope["error_code"] is None)
    if not envelope["success"]:
        assert isinstance(envelope["data"]["message"], str)
        assert isinstance(envelope["data"]["retryable"], bool)
    return envelope


def code(project: Stage, raw: bytes, stem: str = "one") -> str | None:
    found: str | None = answer(project, raw, stem)["error_code"]
    return found


# Arbitrary bytes.


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS: dict[str, Any] = {
    "contract_version": st.sampled_from(["1.3.0", "1.0.0", "2.0.0", "", "x"]) | JSON,
    "correlation_id": st.just("id") | JSON,
    "command": st.sampled_from([*registry.CONTRACT_COMMANDS, *registry.PEOPLE_COMMANDS, "", "x"]),
    "args": st.dictionaries(
        st.sampled_from(["mission", "wp", "actor", "note", "to", "force", "evidence", "x"]),
        st.sampled_from([SLUG, "WP01", "coder", "../..", "\0", "\ud800", "planned", "doing"])
        | JSON,
    ),
}
REQUESTS = st.fixed_dictionaries(
    FIELDS,
    optional={
        "policy": st.just(POLICY) | JSON,
        "not_after": st.sampled_from(["2026-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "0"]) | JSON,
        "unknown": JSON,
    },
).map(lambda request: json.dumps(request).encode())


@settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(raws=st.lists(REQUESTS | st.binary() | JSON.map(json.dumps).map(str.encode), max_size=4))
def test_any_bytes_are_answered_with_exactly_one_valid_envelope(
    project: Stage, raws: list[bytes]
) -> None:
    for raw in raws:
        stem = f"id-{len(project_journal(project))}"
        found = answer(project, raw.replace(b'"id"', f'"{stem}"'.encode()), stem)
        assert found["error_code"] != "HOST_ERROR", found


def project_journal(project: Stage) -> list[dict[str, Any]]:
    path = project.root / ".kitty" / "outbox" / "journal.jsonl"
    return project.journal() if path.exists() else []


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", "REQUEST_MALFORMED"),
        (b"[]", "REQUEST_MALFORMED"),
        (b"{}", "USAGE_ERROR"),
        (body("one", "append-history", NOTE, more=1), "USAGE_ERROR"),
        (body("two", "append-history", NOTE), "USAGE_ERROR"),
        (
            body("one", "append-history", NOTE, contract_version="2.0.0"),
            "CONTRACT_VERSION_MISMATCH",
        ),
        (
            body("one", "append-history", NOTE, contract_version="1.999.0"),
            "CONTRACT_VERSION_MISMATCH",
        ),
        (body("one", "orchestrate", {}), "USAGE_ERROR"),
        (body("one", "create-mission", {"title": "x"}), "USAGE_ERROR"),
        (body("one", "append-history", {**NOTE, "wp_id": "WP01"}), "USAGE_ERROR"),
        (body("one", "append-history", {**NOTE, "note": 3}), "USAGE_ERROR"),
        (body("one", "append-history", {**NOTE, "note": None}), "USAGE_ERROR"),
        (body("one", "append-history", {**NOTE, "actor": " "}), "USAGE_ERROR"),
        (body("one", "append-history", {**NOTE, "note": "\ud800"}), "USAGE_ERROR"),
    ],
)
def test_an_invalid_request_is_refused_and_appends_no_event(
    project: Stage, raw: bytes, expected: str
) -> None:
    assert code(project, raw) == expected
    assert project.events() == []
    assert [line["envelope"]["error_code"] for line in project.journal()] == [expected]


def test_the_same_bytes_get_the_same_answer_and_have_one_effect(project: Stage) -> None:
    raw = body("one", "append-history", NOTE)
    first = answer(project, raw)
    assert answer(project, raw) == first
    assert answer(project, raw.replace(b" ", b"")) == first
    assert len(project.events()) == len(project.journal()) == 1


def test_a_repeated_request_is_not_executed_again(
    project: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = body("one", "append-history", NOTE)
    first = answer(project, raw)
    monkeypatch.delattr(Execution, "carry_out")
    assert answer(project, raw) == first


def test_an_id_belongs_to_its_first_request_at_both_interfaces(project: Stage) -> None:
    raw = body("one", "append-history", NOTE)
    first = answer(project, raw)
    again = project.ask("append-history", policy=None, correlation_id="one", **NOTE)
    assert again == first
    other = project.ask("append-history", correlation_id="one", policy=None, **NOTE | {"note": "m"})
    assert other["error_code"] == "CORRELATION_ID_CONFLICT"
    assert code(project, b"{}") == "CORRELATION_ID_CONFLICT"
    assert answer(project, raw) == first
    assert len(project.events()) == 1


def test_a_repeated_conflict_is_journaled_once(project: Stage):
    told: dict[str, Any] = {}
    for at, note in enumerate(("first", "other", "other", "third", "other")):
        with freeze_time(f"2026-05-06T07:08:0{at}Z"):
            made = answer(project, body("one", "append-history", NOTE | {"note": note}))
        assert told.setdefault(note, made) == made

    digests = [line["digest"] for line in project.journal()]
    assert len(digests) == len(set(digests)) == 3


def test_a_request_that_is_refused_unread_is_journaled_once(project: Stage) -> None:
    dispatcher = bootstrap.dispatcher(project.root)
    for _ in range(2):
        refused = dispatcher.refuse(RequestTooLarge("too much"), stem="big", identity="default")
        assert refused.envelope["error_code"] == "REQUEST_TOO_LARGE"
    assert [line["correlation_id"] for line in project.journal()] == ["big"]


@pytest.mark.parametrize("refusal", [StorageFailed, NotAuthorized, RequestTooLarge])
def test_a_request_that_was_refused_unread_keeps_its_answer_when_it_is_read(
    project: Stage, refusal: type[SpecKittyError]
) -> None:
    dispatcher = bootstrap.dispatcher(project.root)
    first = dispatcher.refuse(refusal("too much waits"), stem="one", identity="default")

    # The bounds have changed, so the same file is read now.
    again = dispatcher.answer_bytes(
        body("one", "append-history", NOTE), stem="one", identity="default"
    )

    assert (again.envelope, again.is_repeat) == (first.envelope, True)
    assert len(project.journal()) == 1
    assert project.events() == []


# Notes that killed callers at the command line have left.


def note_of_a_dead_caller(project: Stage, text: str) -> Path:
    """Write the note of a former release that was killed before it executed the request."""
    asked = Request(command="append-history", args=NOTE | {"note": text}, correlation_id="one")
    note = Layout(project.root).host / "begun" / "one.json"
    note.parent.mkdir(parents=True)
    note.write_text(json.dumps(for_intent(asked, Origin(door="cli", identity="uid:0"))))
    return note


def settle(project: Stage) -> None:
    """Settle intents, as the first changing call of this release does."""
    records.made(Layout(project.root))
    bootstrap.dispatcher(project.root).settle_intents()
    assert bootstrap.ProjectHost(project.root).intents() == []


def test_a_request_noted_by_a_dead_caller_is_not_executed(project: Stage) -> None:
    note = note_of_a_dead_caller(project, "n")
    settle(project)
    assert project.events() == project_journal(project) == []
    assert not note.exists()


def test_the_note_of_a_dead_caller_is_ignored_if_its_id_was_answered(project: Stage) -> None:
    note_of_a_dead_caller(project, "other")
    answer(project, body("one", "append-history", NOTE))
    settle(project)
    assert len(project.events()) == len(project.journal()) == 1


def test_the_text_of_a_note_is_in_the_event_and_not_in_the_journal(project: Stage) -> None:
    assert code(project, body("one", "append-history", {**NOTE, "note": "between us"})) is None
    assert "between us" in json.dumps(project.events())
    assert "between us" not in json.dumps(project.journal())


def test_a_bug_is_a_host_error_that_names_the_fault_log(project: Stage) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise ZeroDivisionError(name)

    class Host(bootstrap.ProjectHost):
        def services(self) -> Any:
            return Broken()

    made = Dispatcher(Host(project.root))
    raw = body("one", "append-history", NOTE)
    envelope = made.answer_bytes(raw, stem="one", identity="default").envelope
    assert envelope["error_code"] == "HOST_ERROR"
    log = Layout(project.root).host / "faults.log"
    assert str(log) in envelope["data"]["message"]
    assert "ZeroDivisionError" not in json.dumps(envelope)
    assert "ZeroDivisionError" in log.read_text()


# Times and deadlines.


@freeze_time(NOW)
def test_envelope_event_and_journal_have_the_time_in_utc_with_an_offset(project: Stage) -> None:
    assert answer(project, body("one", "append-history", NOTE))["timestamp"] == NOW
    assert project.events()[0]["at"] == NOW
    assert project.journal()[0]["at"] == NOW


@freeze_time(NOW)
@pytest.mark.parametrize(
    ("not_after", "expected"),
    [
        ("2026-05-06T07:08:09Z", "REQUEST_EXPIRED"),
        ("2026-05-06T07:08:09.000010Z", None),
        ("2026-05-06T07:08:10+00:00", None),
        (None, None),
        ("2026-05-06T09:08:10+02:00", "USAGE_ERROR"),
        ("2026-05-06T07:08:10", "USAGE_ERROR"),
        ("2026-05-06", "USAGE_ERROR"),
        ("2026-13-06T07:08:10Z", "USAGE_ERROR"),
        ("tomorrow", "USAGE_ERROR"),
        (1778051289, "USAGE_ERROR"),
    ],
)
def test_a_request_is_executed_until_its_deadline(
    project: Stage, not_after: Any, expected: str | None
) -> None:
    assert code(project, body("one", "append-history", NOTE, not_after=not_after)) == expected
    assert len(project.events()) == (expected is None)


def test_an_answer_can_be_read_again_after_the_deadline(project: Stage) -> None:
    raw = body("one", "append-history", NOTE, not_after="2026-05-06T07:08:10Z")
    with freeze_time(NOW):
        first = answer(project, raw)
    with freeze_time("2027-01-01"):
        assert answer(project, raw) == first


@pytest.mark.parametrize("has_begun", [True, False])
def test_only_a_request_that_began_in_time_is_completed_after_the_deadline(
    project: Stage, monkeypatch: pytest.MonkeyPatch, has_begun: bool
) -> None:
    def refuse(*words: Any, **more: Any) -> Any:
        raise StorageFailed("the disk refused")

    raw = body("one", "append-history", NOTE, not_after="2026-05-06T07:08:10Z")
    with freeze_time(NOW), monkeypatch.context() as patch:
        # The state after a host was killed between the event and the line of the journal.
        patch.setattr(Journal, "append", refuse)
        if has_begun:
            with pytest.raises(StorageFailed), committed_before_the_answer():
                answer(project, raw)
    with freeze_time("2027-01-01"):
        assert code(project, raw) == (None if has_begun else "REQUEST_EXPIRED")
    assert len(project.events()) == has_begun


# The order in which errors are checked.


FAULTS: list[tuple[str, dict[str, Any], Any]] = [
    ("USAGE_ERROR", {"to": "nowhere"}, None),
    ("USAGE_ERROR", {"actor": ""}, {}),
    ("POLICY_METADATA_REQUIRED", {"review_result": {"verdict": "fine"}}, None),
    ("POLICY_VALIDATION_FAILED", {"evidence": {}, "mission": "none"}, {"orchestrator_id": 3}),
    ("USAGE_ERROR", {"evidence": {}, "mission": "none"}, POLICY),
    ("USAGE_ERROR", {"review_result": {**APPROVED, "verdict": "fine"}, "wp": "none"}, POLICY),
    ("TRANSITION_REJECTED", {"review_result": APPROVED, "mission": "none"}, POLICY),
    ("MISSION_NOT_FOUND", {"mission": "none", "wp": "none"}, POLICY),
    ("WP_NOT_FOUND", {"wp": "none"}, POLICY),
    ("DEPENDENCIES_NOT_SATISFIED", {"to": "in_progress", "force": True}, POLICY),
    ("TRANSITION_REJECTED", {"force": True}, POLICY),
    ("TRANSITION_REJECTED", {}, POLICY),
]


@pytest.mark.parametrize(("expected", "changes", "policy"), FAULTS)
def test_of_several_errors_the_first_in_the_fixed_order_is_reported(
    project: Stage, expected: str, changes: dict[str, Any], policy: Any
) -> None:
    args = {"mission": SLUG, "wp": "WP02", "to": "for_review", "actor": "coder"}
    args |= {"review_ref": "another"} | changes
    before = digest_of_tree(project.root)
    asked = project.ask("transition", policy=policy, **args)
    assert asked["error_code"] == expected
    assert digest_of_tree(project.root) == before
    raw = body("one", "transition", args, **({"policy": policy} if policy is not None else {}))
    assert answer(project, raw)["data"] == asked["data"]


def test_the_contract_version_is_checked_first(project: Stage) -> None:
    raw = body("one", "nonsense", {"x": 1}, contract_version="9.0.0", policy={})
    assert code(project, raw) == ContractVersionMismatch.code


def test_a_bug_in_the_mission_lookup_is_a_host_error(
    project: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(bootstrap.ProjectHost, "find_mission", fail)
    raw = body("one", "mission-state", {"mission": SLUG})
    dispatcher = bootstrap.dispatcher(project.root)
    found = dispatcher.look_up(raw)
    done = dispatcher.answer_bytes(raw, stem="one", identity="default", lookup=found)
    assert done.envelope["error_code"] == "HOST_ERROR"
