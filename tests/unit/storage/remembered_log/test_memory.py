"""Tests that a cached log equals the log that is read from the file and the record."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specify_cli import batch, ids
from specify_cli.core.state import replay
from specify_cli.errors import SpecKittyError
from specify_cli.files.stamps import stamp
from specify_cli.storage import log_memory, record_states, records
from specify_cli.storage.log_content import FoldedLog, LogContent, folded
from specify_cli.storage.log_memory import Remembered
from specify_cli.storage.recorded_log import RecordedLog
from tests.records import BEGIN, CLAIM, NOTE, log_in
from tests.together import meet
from tests.unit.storage.conftest import COLLEAGUE, OTHER, SLUG, line
from tests.unit.storage.remembered_log.memory import SETTLED_S, forget_all, plain, to_a_link


def test_an_unchanged_log_is_not_read_again(remembered: RecordedLog, reads: list[Path]) -> None:
    for _ in range(3):
        assert remembered.read().events == (CLAIM, BEGIN)
        remembered.take_in()
    remembered.append([NOTE])
    reads.clear()
    for event in (NOTE, COLLEAGUE, OTHER):
        new = event._replace(event_id=ids.ulid())
        assert remembered.take_in().events[-1] != new
        prepared = remembered.prepared([new])
        (record := records.made(remembered.project)).commit(prepared.drafts)
        prepared.follow()
        assert remembered.read().events[-1] == new
        assert record.memory.get(SLUG) is not None
    assert reads == []
    assert plain(remembered).read().events == remembered.read().events
    assert plain(remembered).read().standing == ""


def in_place(path: Path) -> None:
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.write(data.replace(b"claimed", b"planned", 1))


def anew(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)


CHANGES: list[Callable[[Path], object]] = [
    in_place,
    anew,
    to_a_link,
    Path.unlink,
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes() + line(COLLEAGUE)),
    lambda path: os.truncate(path, path.stat().st_size - 1),
    lambda path: path.with_name("meta.json").write_text('{"mission_id": "01J"}'),
    lambda path: shutil.rmtree(path.parent),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_to_the_file_is_detected(
    remembered: RecordedLog, change: Callable[[Path], object]
) -> None:
    change(remembered.path)
    assert content_of(remembered) == content_of(plain(remembered))


def test_events_recorded_by_another_process_are_read(remembered: RecordedLog) -> None:
    raw = remembered.path.read_bytes()
    record = records.made(remembered.project)
    plain(remembered).append([NOTE])
    # The file was not written, for example because another branch is checked out.
    remembered.path.write_bytes(raw)
    assert record.memory.get(SLUG) is not None
    assert remembered.read().events == (CLAIM, BEGIN, NOTE)


def test_a_file_that_was_just_written_is_read_again(tmp_path: Path) -> None:
    log = log_in(tmp_path.resolve(), SLUG)
    log.append([CLAIM])
    log.path.write_bytes(line(CLAIM) + line(COLLEAGUE))
    # A time in the future counts as "just now", however slow the test runs.
    just_now = time.time_ns() + 60_000_000_000
    os.utime(log.path, ns=(just_now, just_now))
    log.take_in()
    # Another write within the same tick of the clock would not be detected.
    known = records.made(log.project).memory.get(SLUG)
    assert known is None or known.stamp != stamp(log.path)


def test_events_that_were_not_committed_are_dropped() -> None:
    before = FoldedLog([CLAIM])
    dropped, grown = before.grown([BEGIN]), before.grown([NOTE])
    assert list(before.events) == [CLAIM]
    assert list(dropped.events) == [CLAIM, BEGIN]
    assert list(grown.events) == [CLAIM, NOTE]
    assert grown.events[-1] == NOTE
    assert list(reversed(grown.events)) == [NOTE, CLAIM]
    assert grown.events[:1] == (CLAIM,)
    assert grown.state == replay([CLAIM, NOTE])
    assert before.caused_by((NOTE.correlation_id, NOTE.identity)) == ()
    assert grown.caused_by((NOTE.correlation_id, NOTE.identity)) == (NOTE,)


def test_the_least_recently_used_log_is_evicted_first(
    remembered: RecordedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_memory, "MOST_EVENTS", 3)
    memory = records.made(remembered.project).memory
    known = memory.get(SLUG)
    assert known is not None
    assert known.size == 1, "it has the package, but no event"
    memory.put(SLUG, known := known._replace(content=folded(LogContent(events=(CLAIM, BEGIN)))))
    for slug in ("002-a", "003-b"):
        memory.put(slug, known)
    assert [memory.get(it) is not None for it in (SLUG, "002-a", "003-b")] == [False, True, True]


def test_threads_access_the_cache_one_at_a_time(
    remembered: RecordedLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = records.made(remembered.project).memory
    known = memory.get(SLUG)
    assert known is not None
    sizes = SimpleNamespace(measure=lambda: 1)
    monkeypatch.setattr(Remembered, "size", property(lambda _: sizes.measure()))
    assert not meet(sizes, "measure", lambda: memory.put("002-a", known))


def test_a_large_log_is_not_read_within_a_batch(remembered: RecordedLog) -> None:
    many = [NOTE._replace(event_id=ids.ulid(), delta={"note": "x" * 1000}) for _ in range(80)]
    with remembered.path.open("ab") as file:
        file.write(b"".join(map(line, many)))
    with batch.begun() as inside, batch.deciding(inside), pytest.raises(batch.NotInBatch):
        remembered.read()
    assert len(remembered.read().events) == 82


EVENTS = st.builds(
    lambda event, **changes: event._replace(**changes),
    st.sampled_from([CLAIM, BEGIN, NOTE, COLLEAGUE, OTHER]),
    correlation_id=st.sampled_from([None, "one", "two"]),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["append", "append", "read", "wait", "theirs", "cut", "undo", "put_right", "elsewhere"]
        ),
        EVENTS,
    ),
    max_size=14,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_after_any_steps_the_cached_log_equals_the_log_on_disk(
    steps: list[tuple[str, object]],
) -> None:
    with TemporaryDirectory() as folder:
        log = log_in(Path(folder).resolve(), SLUG)
        for name, event in steps:
            _step(log, name, event._replace(event_id=ids.ulid()))  # type: ignore[attr-defined]
            assert content_of(log) == content_of(plain(log))
            forget_all(log)
            # A new process reads the folded state, which must equal that of the lines.
            assert content_of(log) == content_of(plain(log))
            assert difference_of_states(log) == ""


def _step(log: RecordedLog, name: str, event: object) -> None:
    if name == "wait":
        time.sleep(SETTLED_S)
    elif name == "theirs":
        with log.path.open("ab") as file:
            file.write(line(event))  # type: ignore[arg-type]
    elif name == "cut" and log.path.exists():
        os.truncate(log.path, log.path.stat().st_size // 2)
    elif name in ("append", "undo", "elsewhere"):
        writer = plain(log) if name == "elsewhere" else log
        with suppress(SpecKittyError):
            writer.append([event])  # type: ignore[list-item]
            if name == "undo":
                undo(writer)
    elif name == "put_right":
        with suppress(SpecKittyError):
            log.put_right()


def undo(log: RecordedLog) -> None:
    """Withdraw the newest line."""
    prepared = log.withdrawing(len(log.view().kept.lines) - 1, b"")
    records.made(log.project).commit(prepared.drafts)
    prepared.follow()


def content_of(log: RecordedLog) -> tuple[object, ...]:
    """All that a read of the log returns, or its error."""
    try:
        content = log.read()
    except SpecKittyError as error:
        return type(error), error.message
    caused = [[*content.caused_by(*it)] for it in (("one",), ("one", "nightly"), ("two",))]
    return [*content.events], content.standing, content.state, content.torn, caused


def difference_of_states(log: RecordedLog) -> str:
    """How the folded state differs from the entries, or "" if it does not."""
    record = records.found(log.project)
    known = record.missions(None, folder=SLUG) if record else []
    if record is None or not known:
        return ""
    with record.reading() as connection:
        return record_states.difference(connection, known[0].number or 0)
