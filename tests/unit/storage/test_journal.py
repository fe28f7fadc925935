from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specify_cli.errors import StorageFailed
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_publisher import JournalPublisher
from specify_cli.storage.record_entries import EVENTS, Draft
from tests.patience import LONGEST_S
from tests.together import meet
from tests.unit.files.limits import files_no_longer_than
from tests.unit.storage.journals import by, journal_of, line, published

APPEND = """
import sys
from pathlib import Path
from tests.unit.storage.journals import journal_of, line
root, name, count, max_bytes = sys.argv[1:]
journal = journal_of(Path(root), max_bytes=int(max_bytes))
for number in range(int(count)):
    journal.append(line(f"{name}-{number}", note="x" * 50))
    journal.append(line(f"shared-{number}", note=name))
"""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Three lines: a, b and c."""
    journal = journal_of(tmp_path)
    for name in "abc":
        journal.append(line(name, envelope={"n": name}))
    return journal


def test_reading_a_missing_journal_creates_nothing(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert journal.find("a") is None
    assert list(journal.lines()) == []
    assert journal.verify() == []
    assert sorted(tmp_path.rglob("*")) == before


def test_an_appended_line_is_numbered_chained_published_and_found(
    tmp_path: Path, journal: Journal
) -> None:
    found = journal.find("b")
    assert found is not None
    assert list(found) == ["seq", "correlation_id", "at", "digest", "envelope", "prev"]
    assert found["seq"] == 2
    assert found == json.loads(published(tmp_path)[1])
    assert journal_of(tmp_path).find("b") == found
    assert journal.find("d") is None
    assert [line["correlation_id"] for line in journal.lines()] == ["a", "b", "c"]
    assert journal.verify() == []


def test_a_known_id_is_not_appended_again(journal: Journal, tmp_path: Path) -> None:
    again = journal_of(tmp_path).append(line("b", digest="another"))
    assert again == journal.find("b")
    assert len(published(tmp_path)) == 3


def test_a_known_id_is_answered_even_if_its_decision_was_overtaken(journal: Journal) -> None:
    overtaken = Draft(at="2026-01-05T09:00:00+00:00", kind=EVENTS, mission=1, behind=99)
    assert journal.append(line("b"), decided=[overtaken]) == journal.find("b")


def test_two_requests_with_the_same_id_are_found_by_their_digests(
    journal: Journal, tmp_path: Path
) -> None:
    first = journal.find("b")
    added = journal.append(line("b", digest="another"), unless_known=False)
    assert added["seq"] == 4
    assert journal.find("b") == journal.find("b", digest="of b") == first
    assert journal_of(tmp_path).find("b", digest="another") == added
    assert journal.find("b", digest="of a") is None


def test_an_append_ignores_seq_and_prev_of_the_caller(journal: Journal) -> None:
    added = journal.append(line("d", seq=99, prev="mine"))
    assert added["seq"] == 4
    assert journal.verify() == []


@pytest.mark.parametrize("name", ["", "a b", "a\n", "\u00e4", "x" * 129, '","'])
def test_an_invalid_id_raises_value_error(journal: Journal, name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        journal.append(line(name))
    assert journal.append(line("d"))["seq"] == 4


def test_a_line_appended_by_another_process_is_found(journal: Journal, tmp_path: Path) -> None:
    assert journal.find("d") is None
    other = journal_of(tmp_path)
    other.append(line("d"))
    assert journal.find("d") is not None
    assert journal.append(line("e"))["seq"] == 5
    assert other.verify() == []


def test_a_newline_in_a_text_does_not_forge_a_line(journal: Journal) -> None:
    trick = '\n{"seq":9,"correlation_id":"planted","x":1}\n'
    journal.append(line("d", note=trick))
    assert journal.find("planted") is None
    assert journal.verify() == []


def test_a_failed_append_leaves_the_journal_unchanged(journal: Journal, tmp_path: Path) -> None:
    before = published(tmp_path)
    with files_no_longer_than(100_000), pytest.raises(StorageFailed):
        journal.append(line("d", note="x" * 1_000_000))
    assert published(tmp_path) == before
    assert journal.find("d") is None
    assert journal.append(line("d"))["seq"] == 4
    assert journal.verify() == []


@pytest.mark.parametrize("max_bytes", [10**9, 2000])
def test_several_processes_append_to_one_journal(tmp_path: Path, max_bytes: int) -> None:
    count = 25
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(tmp_path), name, str(count), str(max_bytes)]
        )
        for name in ("left", "right", "middle")
    ]
    assert [process.wait(LONGEST_S) for process in processes] == [0, 0, 0]
    journal = journal_of(tmp_path)
    names = [line["correlation_id"] for line in journal.lines()]
    expected = {
        f"{name}-{number}"
        for name, number in itertools.product(("left", "right", "middle", "shared"), range(count))
    }
    assert len(names) == len(expected)
    assert set(names) == expected
    assert journal.verify() == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=20)
@given(payload=JSON)
def test_an_appended_payload_is_found_unchanged(
    tmp_path_factory: pytest.TempPathFactory, payload: Any
) -> None:
    root = tmp_path_factory.mktemp("law")
    journal = journal_of(root)
    added = journal.append(line("a", payload=payload))
    assert journal.find("a") == added == json.loads(published(root)[0])
    assert added["payload"] == json.loads(json.dumps(payload))
    assert journal.verify() == []


# Orchestrators, and threads.


def test_each_orchestrator_has_its_own_ids(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    for identity in ("default", "nightly", "weekly"):
        journal.append(by(identity, "one", n=identity))
    for asked in (journal, journal_of(tmp_path)):
        found = {scope: asked.find("one", scope) for scope in ("", "nightly", "weekly", "other")}
        who = {scope: line and line["n"] for scope, line in found.items()}
        assert who == {"": "default", "nightly": "nightly", "weekly": "weekly", "other": None}
    assert journal_of(tmp_path).append(by("nightly", "one", n="again"))["n"] == "nightly"
    assert len(list(journal.lines())) == 3
    assert journal.verify() == []


def test_the_command_line_and_the_root_inbox_share_their_ids(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    journal.append(line("one", door="cli", identity="nightly"))
    assert journal.find("one") is not None
    assert journal.find("one", "nightly") is None
    assert journal.append(by("default", "one"))["door"] == "cli"


def test_door_and_identity_come_first_in_a_line_in_any_order_of_arguments(
    tmp_path: Path,
) -> None:
    forged = {"envelope": {"door": "mailbox", "identity": "weekly"}}
    journal = journal_of(tmp_path)
    journal.append({**forged, **by("nightly", "one")})
    assert journal.find("one") is None
    assert journal.find("one", "weekly") is None
    keys = ["seq", "correlation_id", "at", "door", "identity"]
    assert list(journal.find("one", "nightly") or ())[:5] == keys


def test_several_threads_append_to_one_journal(tmp_path: Path) -> None:
    journal = journal_of(tmp_path, max_bytes=4000)

    def write(name: str) -> list[int]:
        seqs = []
        for number in range(30):
            journal.append(by(name, "shared" if number == 0 else f"id-{number}"))
            seqs.append((journal.find(f"id-{number}", name) or {"seq": 0})["seq"])
        return seqs

    names = [f"orchestrator-{number}" for number in range(6)]
    with ThreadPoolExecutor(len(names)) as pool:
        found = list(pool.map(write, names))
    assert journal.verify() == []
    assert [line["seq"] for line in journal.lines()] == [*range(1, 181)]
    assert len({seq for seqs in found for seq in seqs[1:]}) == 29 * len(names)


def test_threads_wait_for_each_other_without_opening_the_lock_file(
    tmp_path: Path,
) -> None:
    journal = journal_of(tmp_path)
    journal.append(line("a"))
    assert not meet(os, "open", lambda: journal.append(line("a")))


def test_an_append_first_publishes_a_line_that_another_process_only_committed(
    tmp_path: Path,
) -> None:
    journal, other = journal_of(tmp_path), journal_of(tmp_path)
    journal.append(line("a"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JournalPublisher, "add", lambda *_: None)
        other.append(line("b"))
    journal.append(line("c"))
    assert journal.verify() == []
    assert len(published(tmp_path)) == 3
