from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specify_cli.errors import StateUnreadable, StorageFailed
from specify_cli.storage.journal import Journal
from specify_cli.storage.journal_tail import JournalTail
from tests.patience import LONGEST_S
from tests.together import meet
from tests.unit.files.limits import files_no_longer_than

APPEND = """
import sys
from pathlib import Path
from specify_cli.storage.journal import Journal
path, name, count, max_bytes = sys.argv[1:]
journal = Journal(Path(path), lock_path=Path(path + ".lock"), max_bytes=int(max_bytes))
for number in range(int(count)):
    journal.append({"correlation_id": f"{name}-{number}", "note": "x" * 50})
    journal.append({"correlation_id": f"shared-{number}", "note": name})
"""


def journal_at(path: Path, **options: Any) -> Journal:
    return Journal(path, lock_path=path.with_name("journal.lock"), **options)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture
def journal(path: Path) -> Journal:
    """Three lines: a, b and c."""
    journal = journal_at(path)
    for name in "abc":
        journal.append({"correlation_id": name, "at": "now", "envelope": {"n": name}})
    return journal


def test_reading_a_missing_journal_creates_nothing(tmp_path: Path, path: Path) -> None:
    journal = journal_at(path)
    assert journal.find("a") is None
    assert list(journal.lines()) == []
    assert journal.verify() == []
    assert list(tmp_path.iterdir()) == []


def test_the_newest_line_of_an_id_is_found_in_any_file(path: Path) -> None:
    journal = journal_at(path, max_bytes=300)
    assert journal.newest("a") is None
    for n in range(4):
        journal.append({"correlation_id": "a", "n": n}, unless_known=False)
        journal.append({"correlation_id": f"b{n}", "n": n})
    for reader in (journal, journal_at(path)):
        assert [reader.newest(name)["n"] for name in ("a", "b0", "b3")] == [3, 0, 3]  # type: ignore[index]
        assert reader.find("a")["n"] == 0  # type: ignore[index]
    assert len(list(path.parent.glob("journal-*.jsonl"))) > 0


def test_a_line_is_numbered_chained_and_found(path: Path, journal: Journal) -> None:
    found = journal.find("b")
    assert found is not None
    assert list(found) == ["seq", "correlation_id", "at", "envelope", "prev"]
    assert found["seq"] == 2
    assert journal_at(path).find("b") == found
    assert journal.find("d") is None
    assert [line["correlation_id"] for line in journal.lines()] == ["a", "b", "c"]
    assert journal.verify() == []


def test_a_known_id_is_not_appended_again(journal: Journal, path: Path) -> None:
    again = journal_at(path).append({"correlation_id": "b", "at": "later"})
    assert again == journal.find("b")
    assert len(list(journal.lines())) == 3


def test_a_known_id_is_appended_again_when_that_is_wanted(journal: Journal) -> None:
    first = journal.find("b")
    assert journal.append({"correlation_id": "b"}, unless_known=False)["seq"] == 4
    assert journal.find("b") == first


def test_numbers_of_the_journal_are_its_own(journal: Journal) -> None:
    added = journal.append({"correlation_id": "d", "seq": 99, "prev": "mine"})
    assert added["seq"] == 4
    assert journal.verify() == []


@pytest.mark.parametrize("name", ["", "a b", "a\n", "\u00e4", "x" * 129, '","'])
def test_what_is_no_id_is_a_mistake_of_the_caller(journal: Journal, name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        journal.append({"correlation_id": name})


def test_what_another_process_appended_is_seen(journal: Journal, path: Path) -> None:
    assert journal.find("d") is None
    other = journal_at(path)
    other.append({"correlation_id": "d"})
    assert journal.find("d") is not None
    assert journal.append({"correlation_id": "e"})["seq"] == 5
    assert other.verify() == []


def test_text_inside_a_line_does_not_pass_for_a_line(journal: Journal) -> None:
    trick = '\n{"seq":9,"correlation_id":"planted","x":1}\n'
    journal.append({"correlation_id": "d", "note": trick})
    assert journal.find("planted") is None


@pytest.mark.parametrize("torn", [b'{"seq":4,"corr', b"\0" * 4096, b'{"seq":4,"co\0\0"}\n', b"{"])
def test_a_torn_last_line_is_cut_by_the_next_append(
    journal: Journal, path: Path, torn: bytes
) -> None:
    with path.open("ab") as file:
        file.write(torn)
    assert journal.verify() == []
    for reader in (journal, journal_at(path)):
        assert reader.find("c") is not None
    assert journal.append({"correlation_id": "d"})["seq"] == 4
    assert path.read_bytes().count(b"\n") == 4
    assert journal_at(path).verify() == []


def test_a_disk_that_refuses_leaves_the_journal_as_it_was(journal: Journal, path: Path) -> None:
    before = path.read_bytes()
    with files_no_longer_than(len(before) + 100), pytest.raises(StorageFailed):
        journal.append({"correlation_id": "d", "note": "x" * 1000})
    assert path.read_bytes() == before
    assert journal.find("d") is None
    assert journal.append({"correlation_id": "d"})["seq"] == 4
    assert journal.verify() == []


def test_nothing_is_chained_to_a_foreign_line(journal: Journal, path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"foreign\n")
    with pytest.raises(StateUnreadable):
        journal.append({"correlation_id": "d"})
    assert path.read_bytes().endswith(b"foreign\n")


def _edit(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"at":"now"', b'"at":"NOW"'), lines[2]]


def _remove(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2]]


def _behead(lines: list[bytes]) -> list[bytes]:
    return lines[1:]


def _swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1]]


def _repeat(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[0], *lines[1:]]


def _blank(lines: list[bytes]) -> list[bytes]:
    return [lines[0], b"\n", *lines[1:]]


def _break_json(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1][:-3] + b"\n", lines[2]]


@pytest.mark.parametrize("tamper", [_edit, _remove, _behead, _swap, _repeat, _blank, _break_json])
def test_tampering_is_found_and_placed(
    journal: Journal, path: Path, tamper: Callable[[list[bytes]], list[bytes]]
) -> None:
    path.write_bytes(b"".join(tamper(path.read_bytes().splitlines(keepends=True))))
    breaks = journal_at(path).verify()
    assert breaks
    assert all("journal.jsonl line " in found for found in breaks)


def test_a_damaged_line_is_not_answered_from(journal: Journal, path: Path) -> None:
    path.write_bytes(b"".join(_break_json(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(StateUnreadable):
        journal_at(path).find("b")
    assert journal_at(path).find("c") is not None


def test_a_journal_that_was_replaced_is_read_anew(journal: Journal, path: Path) -> None:
    path.unlink()
    other = journal_at(path)
    for name in ("x", "y", "z", "w", "v"):
        other.append({"correlation_id": name})
    assert journal.find("a") is None
    assert journal.find("w") is not None
    assert journal.append({"correlation_id": "n"})["seq"] == 6


def test_a_full_journal_is_renamed_and_the_chain_goes_on(tmp_path: Path, path: Path) -> None:
    journal = journal_at(path, max_bytes=500)
    bystander = journal_at(path, max_bytes=500)
    for number in range(10):
        journal.append({"correlation_id": f"id-{number}", "note": "x" * 100})
        assert bystander.find(f"id-{number}") is not None
    rotated = sorted(tmp_path.glob("journal-*.jsonl"))
    assert len(rotated) > 1
    assert (tmp_path / "journal-1.jsonl") in rotated
    assert all(file.stat().st_size <= 500 for file in (*rotated, path))
    fresh = journal_at(path, max_bytes=500)
    for known in (journal, bystander, fresh):
        assert [known.find(f"id-{number}")["seq"] for number in range(10)] == [*range(1, 11)]  # type: ignore[index]
        assert known.verify() == []
    assert bystander.append({"correlation_id": "id-0"})["seq"] == 1
    assert bystander.append({"correlation_id": "new"})["seq"] == 11


def test_a_crash_in_the_middle_of_a_rotation_is_made_good(journal: Journal, path: Path) -> None:
    path.rename(path.with_name("journal-1.jsonl"))
    for reader in (journal, journal_at(path)):
        assert reader.find("b") is not None
    path.touch()
    assert journal.append({"correlation_id": "d"})["seq"] == 4
    assert journal_at(path).verify() == []


def test_a_missing_rotated_file_is_found(journal: Journal, path: Path) -> None:
    path.rename(path.with_name("journal-1.jsonl"))
    journal.append({"correlation_id": "d"})
    path.with_name("journal-1.jsonl").unlink()
    assert journal_at(path).verify()


@pytest.mark.parametrize("max_bytes", [10**9, 2000])
def test_several_processes_share_one_journal(path: Path, max_bytes: int) -> None:
    count = 25
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPEND, str(path), name, str(count), str(max_bytes)]
        )
        for name in ("left", "right", "middle")
    ]
    assert [process.wait(LONGEST_S) for process in processes] == [0, 0, 0]
    journal = journal_at(path)
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


@settings(max_examples=40)
@given(payload=JSON)
def test_what_was_appended_is_what_is_found(
    tmp_path_factory: pytest.TempPathFactory, payload: Any
) -> None:
    journal = journal_at(tmp_path_factory.mktemp("law") / "journal.jsonl")
    added = journal.append({"correlation_id": "a", "payload": payload})
    assert journal.find("a") == added
    assert added["payload"] == json.loads(json.dumps(payload))
    assert journal.verify() == []


# Scopes, and threads.


def by(identity: str, correlation_id: str, **more: Any) -> dict[str, Any]:
    head = {"correlation_id": correlation_id, "at": "now", "door": "mailbox"}
    return {**head, "identity": identity, **more}


def test_an_id_is_its_orchestrators_own(path: Path) -> None:
    journal = journal_at(path)
    for identity in ("default", "nightly", "weekly"):
        journal.append(by(identity, "one", n=identity))
    for asked in (journal, journal_at(path)):
        found = {scope: asked.find("one", scope) for scope in ("", "nightly", "weekly", "other")}
        who = {scope: line and line["n"] for scope, line in found.items()}
        assert who == {"": "default", "nightly": "nightly", "weekly": "weekly", "other": None}
    assert journal_at(path).append(by("nightly", "one", n="again"))["n"] == "nightly"
    assert len(list(journal.lines())) == 3
    assert journal.verify() == []


def test_the_command_line_and_the_root_inbox_share_their_ids(path: Path) -> None:
    journal = journal_at(path)
    journal.append({"correlation_id": "one", "at": "now", "door": "cli", "identity": "nightly"})
    assert journal.find("one") is not None
    assert journal.find("one", "nightly") is None
    assert journal.append(by("default", "one"))["door"] == "cli"


def test_whose_an_id_is_stands_at_the_start_of_a_line_whatever_order_it_was_given_in(
    path: Path,
) -> None:
    forged = {"envelope": {"door": "mailbox", "identity": "weekly"}}
    journal_at(path).append({**forged, **by("nightly", "one")})
    journal = journal_at(path)
    assert journal.find("one") is None
    assert journal.find("one", "weekly") is None
    assert list(journal.find("one", "nightly") or ())[:5] == [
        "seq",
        "correlation_id",
        "at",
        "door",
        "identity",
    ]


def test_threads_share_one_journal(path: Path) -> None:
    journal = journal_at(path, max_bytes=4000)

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


def test_a_journal_that_is_a_link_is_neither_read_nor_written(tmp_path: Path, path: Path) -> None:
    outside = tmp_path / "outside"
    journal_at(outside).append({"correlation_id": "a"})
    before = outside.read_bytes()
    path.symlink_to(outside)
    with pytest.raises(StorageFailed):
        journal_at(path).find("a")
    with pytest.raises(StorageFailed):
        journal_at(path).append({"correlation_id": "b"})
    assert outside.read_bytes() == before


def test_a_link_to_nothing_makes_no_journal_elsewhere(tmp_path: Path, path: Path) -> None:
    path.symlink_to(tmp_path / "outside")
    with pytest.raises(StorageFailed):
        journal_at(path).append({"correlation_id": "a"})
    assert not (tmp_path / "outside").exists()


def _fifo_with_a_reader(path: Path) -> None:
    os.mkfifo(path)
    # Kept until the test ends: with somebody at its other end, a FIFO can be opened to be written.
    _held_open.append(os.open(path, os.O_RDWR))


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    while _held_open:
        os.close(_held_open.pop())


_held_open: list[int] = []


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, _fifo_with_a_reader])
def test_what_is_no_file_in_the_journal_s_place_is_not_waited_on(
    path: Path, plant: Callable[[Path], object]
) -> None:
    plant(path)
    before = path.stat().st_size
    journal = journal_at(path)
    uses: list[Callable[[], object]] = [
        lambda: journal.find("a"),
        journal.verify,
        lambda: list(journal.lines()),
        lambda: journal.append({"correlation_id": "a"}),
        JournalTail(journal, path, complain=pytest.fail).added,
    ]
    for use in uses:
        with pytest.raises(StorageFailed):
            use()
    with pytest.raises(StorageFailed, match="not a regular file"):
        journal.find("a")
    assert path.stat().st_size == before


def test_what_is_no_file_in_the_place_of_an_older_part_is_not_waited_on(path: Path) -> None:
    journal = journal_at(path, max_bytes=1)
    for name in "ab":
        journal.append({"correlation_id": name})
    older = path.with_name("journal-1.jsonl")
    older.unlink()
    os.mkfifo(older)
    with pytest.raises(StorageFailed):
        journal_at(path).find("a")
    with pytest.raises(StorageFailed):
        journal.find("a")
    with pytest.raises(StorageFailed):
        journal.verify()


@pytest.mark.parametrize("twice", ['"seq":"9"', '"seq":2', '"correlation_id":"\\u001b[31m"'])
def test_a_line_that_has_its_number_or_its_id_twice_is_none(path: Path, twice: str) -> None:
    path.write_text(f'{{"seq":1,"correlation_id":"a",{twice}}}\n')
    journal = journal_at(path)
    assert list(journal.lines()) == []
    assert "twice" in journal.verify()[0]
    with pytest.raises(StateUnreadable):
        journal.find("a")


STRANGE = [
    b"[1]",
    b"{}",
    b"7",
    b'{"seq":3}',
    b'{"seq":9,"correlation_id":"x","seq":"9"}',
    b"[" * 99999,
]


@pytest.mark.parametrize("strange", STRANGE, ids=lambda line: repr(line)[:40])
def test_who_follows_a_journal_is_told_of_a_damaged_line_and_goes_on(
    journal: Journal, path: Path, strange: bytes
) -> None:
    told: list[str] = []
    tail = JournalTail(journal, path, told.append)
    assert [line["seq"] for line in tail.last(10)] == [1, 2, 3]
    assert tail.added() == tail.added() == []
    at = path.stat().st_size
    with path.open("ab") as file:
        file.write(strange + b'\n{"seq":4,"correlation_id":"d","prev":""}\n')
    assert [line["correlation_id"] for line in tail.added()] == ["d"]
    assert len(told) == 1
    assert f"journal.jsonl is damaged at byte {at}" in told[0]
    assert tail.added() == []
    assert len(told) == 1


def test_threads_read_one_journal_one_after_the_other(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl", lock_path=tmp_path / "lock")
    journal.append({"correlation_id": "a"})
    assert not meet(os, "open", lambda: journal.find("a"))
