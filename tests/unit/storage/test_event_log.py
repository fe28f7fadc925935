from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.core.events import UNRECORDED, Annotated, Event, MissionAccepted, Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.storage.event_lines import encode, ids_in
from specify_cli.storage.recorded_log import RecordedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in
from tests.unit.files.limits import files_no_longer_than
from tests.unit.storage.conftest import SLUG, kept, line

FOREIGN = [
    b'{"event_type":"MissionCreated","aggregate_id":"x","payload":{"to_lane":"done"}}\n',
    b'{"event_id":"G","from_lane":"genesis","to_lane":"planned","wp_id":"WP01"}\n',
    b'{"kind":"of another version","wp_id":"WP01","batch":[1,9]}\n',
    b'{"kind":"heartbeat","batch":"yes"}\r\n',
    b"\n",
    b"{}\n",
]

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, JSON, max_size=3)
COMMON: dict[str, Any] = {
    "event_id": TEXTS,
    "at": TEXTS,
    "actor": TEXTS,
    "policy_metadata": st.none() | OBJECTS,
    "correlation_id": st.none() | TEXTS,
    "identity": st.none() | TEXTS,
    "request_digest": st.none() | TEXTS,
}
EVENTS = st.one_of(
    st.builds(
        Transitioned,
        **COMMON,
        wp_id=TEXTS,
        from_lane=st.sampled_from(Lane),
        to_lane=st.sampled_from(Lane),
        force=st.booleans(),
        reason=st.none() | TEXTS,
        review_ref=st.none() | TEXTS,
        review_result=st.none() | OBJECTS,
        evidence=st.none() | OBJECTS,
        lane_base_ref=st.none() | TEXTS,
        commit=st.just(UNRECORDED),
    ),
    st.builds(Annotated, **COMMON, wp_id=TEXTS, delta=OBJECTS),
    st.builds(MissionAccepted, **COMMON),
)


@pytest.fixture
def log(tmp_path: Path) -> RecordedLog:
    return log_in(tmp_path, SLUG)


# Round trips.


# The ids are unique: of two events with the same id only one counts.
@given(
    events=st.lists(EVENTS, max_size=9, unique_by=lambda it: it.event_id), size=st.integers(1, 3)
)
def test_encoded_events_are_parsed_as_the_same_events(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], size: int
) -> None:
    log = log_in(tmp_path_factory.mktemp("log"), SLUG)
    appends = [events[at : at + size] for at in range(0, len(events), size)]
    log.path.write_bytes(b"".join(encode(append, mission_slug=SLUG) for append in appends))
    content = log.read()
    assert content.events == tuple(events)
    assert content.torn == b""


@given(
    events=st.lists(EVENTS, min_size=1, max_size=3, unique_by=lambda it: it.event_id),
    cut=st.integers(0, 10_000),
)
def test_a_truncated_append_counts_completely_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], cut: int
) -> None:
    log = log_in(tmp_path_factory.mktemp("log"), SLUG)
    whole = encode(events, mission_slug=SLUG)
    log.path.write_bytes(line(CLAIM) + whole[: min(cut, len(whole) - 1)])
    assert log.read().events in ((CLAIM,), (CLAIM, *events))
    log.append([NOTE])
    assert log.read().events in ((CLAIM, NOTE), (CLAIM, *events, NOTE))


def test_a_missing_log_is_empty(log: RecordedLog) -> None:
    assert log.read().events == ()
    assert not log.path.exists()


def test_an_append_writes_lines_of_ascii_json(log: RecordedLog) -> None:
    log.append([CLAIM._replace(actor="Zoë\u2028"), BEGIN])
    lines = log.path.read_bytes().decode("ascii").splitlines()
    first = json.loads(lines[0])
    assert first["actor"] == "Zoë\u2028"
    assert first["mission_slug"] == SLUG
    assert first["execution_mode"] == "worktree"
    assert first["policy_metadata"] is None
    assert "review_result" not in first
    assert [json.loads(x)["batch"] for x in lines] == [[1, 2], [2, 2]]
    assert ids_in(log.path.read_bytes()) == ["E1", "E2"]


def test_events_are_found_by_the_request_that_caused_them(log: RecordedLog) -> None:
    log.append([CLAIM, BEGIN])
    log.append([NOTE])
    assert log.read().caused_by("one") == (CLAIM, BEGIN)
    assert log.read().caused_by("two") == ()
    theirs = NOTE._replace(correlation_id="one", identity="nightly")
    log.append([theirs])
    assert log.read().caused_by("one") == (CLAIM, BEGIN)
    assert log.read().caused_by("one", "nightly") == (theirs,)


def test_an_identity_in_the_form_of_another_version_is_ignored(log: RecordedLog) -> None:
    theirs = json.loads(line(CLAIM)) | {"identity": {"name": "coder"}}
    log.path.write_text(json.dumps(theirs) + "\n")
    assert log.read().events == (CLAIM,)


# Incomplete writes.


def test_a_torn_last_line_does_not_count_and_moves_to_the_attic(log: RecordedLog) -> None:
    torn = line(BEGIN)[:-20]
    log.path.write_bytes(line(CLAIM) + torn)
    assert log.read().events == (CLAIM,)
    log.append([NOTE])
    assert log.path.read_bytes() == line(CLAIM) + line(NOTE)
    assert kept(log) == [torn]


def test_an_incomplete_batch_does_not_count_and_moves_to_the_attic(log: RecordedLog) -> None:
    batch = encode([CLAIM, BEGIN, NOTE], mission_slug=SLUG).splitlines(keepends=True)
    opened = batch[0] + batch[1] + batch[2][:7]
    log.path.write_bytes(line(NOTE) + opened)
    assert log.read().events == (NOTE,)
    again = CLAIM._replace(event_id="E4")
    log.append([again])
    assert log.path.read_bytes() == line(NOTE) + line(again)
    assert kept(log) == [opened]


def test_an_incomplete_batch_followed_by_another_programs_line_never_counts(
    log: RecordedLog,
) -> None:
    opened = encode([CLAIM, BEGIN], mission_slug=SLUG).splitlines(keepends=True)[0]
    log.path.write_bytes(opened + line(NOTE))
    assert log.read().events == (NOTE,)
    log.append([BEGIN])
    assert log.path.read_bytes() == opened + line(NOTE) + line(BEGIN)


def test_an_append_ends_a_last_line_that_lacks_its_newline(
    log: RecordedLog,
) -> None:
    log.path.write_bytes(line(CLAIM).rstrip(b"\n"))
    assert log.read().events == (CLAIM,)
    log.append([NOTE])
    assert log.path.read_bytes() == line(CLAIM) + line(NOTE)
    assert kept(log) == []


def test_reading_repairs_nothing(log: RecordedLog) -> None:
    damaged = line(CLAIM) + line(BEGIN)[:-9]
    log.path.write_bytes(damaged)
    log.read()
    assert log.path.read_bytes() == damaged
    assert kept(log) == []


def test_a_repair_ends_the_file_with_a_complete_line(log: RecordedLog) -> None:
    log.path.write_bytes(line(CLAIM).rstrip(b"\n"))
    log.put_right(repairs=True)
    assert log.path.read_bytes() == line(CLAIM)
    log.path.write_bytes(line(CLAIM) + b'{"half')
    log.put_right(repairs=True)
    assert log.path.read_bytes() == line(CLAIM)


def test_a_repair_does_not_create_a_missing_log(log: RecordedLog) -> None:
    log.put_right(repairs=True)
    assert not log.path.exists()


# Lines of other programs and versions.


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("foreign", FOREIGN)
def test_lines_of_other_versions_are_skipped_and_kept_byte_for_byte(
    log: RecordedLog, foreign: bytes, is_first: bool
) -> None:
    raw = foreign + line(CLAIM) if is_first else line(CLAIM) + foreign
    log.path.write_bytes(raw)
    assert log.read().events == (CLAIM,)
    log.append([NOTE])
    assert log.path.read_bytes() == raw + line(NOTE)
    assert log.read().events == (CLAIM, NOTE)
    assert kept(log) == []


def test_events_of_other_versions_without_our_fields_are_read(log: RecordedLog) -> None:
    old = {"event_id": "X", "at": "t", "actor": "a", "mission_slug": SLUG, "wp_id": "WP01"}
    moved = old | {"from_lane": "in_progress", "to_lane": "doing", "execution_mode": "direct_repo"}
    log.path.write_text(json.dumps(moved) + "\n", encoding="utf-8")
    assert log.read().events == (
        Transitioned(
            event_id="X",
            at="t",
            actor="a",
            wp_id="WP01",
            from_lane=Lane.IN_PROGRESS,
            to_lane=Lane.IN_PROGRESS,
        ),
    )


# Damage.


@pytest.mark.parametrize(
    "damaged",
    [
        b"not json\n",
        b'{"to_lane":\n',
        b"[1]\n",
        b"\xff\xfe\n",
        b"[" * 5000 + b"\n",
        b'{"event_id":"E","at":"t","actor":"a","from_lane":"planned","to_lane":"done"}\n',
        b'{"event_id":"E","at":"t","actor":"a","wp_id":"W","from_lane":"x","to_lane":"done"}\n',
    ],
)
def test_a_damaged_line_is_refused_with_its_file_and_number(
    log: RecordedLog, damaged: bytes
) -> None:
    raw = line(CLAIM) + line(BEGIN) + damaged + line(NOTE)
    log.path.write_bytes(raw)
    for attempt in (log.read, lambda: log.append([NOTE])):
        with pytest.raises(StateUnreadable) as caught:
            attempt()
        assert caught.value.details == {"file": str(log.path), "line": 3}
    assert log.path.read_bytes() == raw


# A full disk.


@pytest.mark.parametrize("free", [0, 1, 60, 300])
def test_a_failed_append_leaves_the_log_unchanged(log: RecordedLog, free: int) -> None:
    log.append([NOTE])
    before = log.path.read_bytes()
    with files_no_longer_than(len(before) + free), pytest.raises(StorageFailed):
        log.append([CLAIM, BEGIN])
    assert log.path.read_bytes() == before
    log.append([CLAIM, BEGIN])
    assert log.read().events == (NOTE, CLAIM, BEGIN)


def test_a_failed_first_append_does_not_create_a_log(log: RecordedLog) -> None:
    with files_no_longer_than(10), pytest.raises(StorageFailed):
        log.append([CLAIM])
    assert not log.path.exists()


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("actor", {"model": None, "profile": "implementer", "tool": "codex"}, "codex"),
        ("actor", {"role": "reviewer"}, "reviewer"),
        ("actor", {}, "unknown"),
        ("actor", None, "unknown"),
        ("actor", 7, "7"),
        ("reason", {"text": "x"}, '{"text": "x"}'),
        ("review_ref", ["a"], '["a"]'),
        ("evidence", "text", None),
        ("policy_metadata", 3, None),
        ("force", "yes", False),
        ("at", 5, ""),
    ],
)
def test_a_field_that_does_not_decide_the_status_lane_may_have_any_type(
    log: RecordedLog, field: str, value: Any, read: Any
) -> None:
    raw = json.dumps(json.loads(line(CLAIM)) | {field: value}).encode() + b"\n"
    log.path.write_bytes(raw)
    [event] = log.read().events
    assert getattr(event, field) == read
    log.append([BEGIN])
    assert log.path.read_bytes().startswith(raw)


@pytest.mark.parametrize(
    "note", [b'{"kind":"annotation","event_id":"E"}\n', b'{"kind":"annotation","wp_id":"WP01"}\n']
)
def test_a_note_without_a_work_package_or_an_id_is_skipped(log: RecordedLog, note: bytes) -> None:
    log.path.write_bytes(note + line(CLAIM))
    assert log.read().events == (CLAIM,)


# Entries that are not regular files.


@pytest.mark.parametrize("kind", ["link", "dangling link", "fifo", "folder"])
def test_a_log_that_is_not_a_regular_file_is_neither_read_nor_written(
    log: RecordedLog, tmp_path: Path, kind: str
) -> None:
    outside = tmp_path / "outside"
    if kind == "link":
        outside.write_bytes(line(CLAIM))
    if kind == "fifo":
        os.mkfifo(log.path)
    elif kind == "folder":
        log.path.mkdir()
    else:
        log.path.symlink_to(outside)
    for ask in (log.read, log.put_right, lambda: log.append([NOTE])):
        with pytest.raises(StateUnreadable) as refused:
            ask()
        assert refused.value.details["file"] == str(log.path)
    assert not outside.exists() or outside.read_bytes() == line(CLAIM)


def test_an_append_does_not_follow_a_link_at_the_mission_folder(
    log: RecordedLog, tmp_path: Path
) -> None:
    log.path.parent.rmdir()
    (tmp_path / "outside").mkdir()
    log.path.parent.symlink_to(tmp_path / "outside")
    with pytest.raises(StateUnreadable):
        log.append([NOTE])
    assert list((tmp_path / "outside").iterdir()) == []


def test_an_append_does_not_follow_a_link_that_replaces_the_log_after_the_check(
    log: RecordedLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"")
    log.append([CLAIM])
    real = os.stat

    def swapping(path: Any, *args: Any, **kw: Any) -> Any:
        status = real(path, *args, **kw)
        if path == log.path.name and not log.path.is_symlink():
            log.path.unlink()
            log.path.symlink_to(outside)
        return status

    monkeypatch.setattr(os, "stat", swapping)
    with pytest.raises(StateUnreadable):
        log.append([NOTE])
    assert outside.read_bytes() == b""


def test_a_log_above_the_size_limit_is_refused(log: RecordedLog) -> None:
    with log.path.open("wb") as file:
        file.truncate(100 * 1024**3)
    with pytest.raises(StateUnreadable) as refused:
        log.read()
    assert refused.value.details["file"] == str(log.path)
