"""Tests of comparing the file of a log with the lines of the record."""

from __future__ import annotations

import json
import random
from unittest.mock import Mock

import pytest

from specify_cli.storage import event_lines
from specify_cli.storage.log_comparison import Comparison, Foreign, compare, with_foreign


def line(name: str, **more: object) -> bytes:
    return json.dumps({"event_id": name, **more}).encode() + b"\n"


KNOWN = [line("e1"), line("e2"), line("e3"), line("e4")]


def of(*lines: bytes) -> Comparison:
    return compare(KNOWN, b"".join(lines))


def test_an_identical_file_is_the_same() -> None:
    assert of(*KNOWN).is_same
    assert compare([], b"").is_same


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw[:-1],
        lambda raw: b"\n" + raw + b"\n\n",
        lambda raw: raw.replace(b"\n", b" \n"),
    ],
)
def test_line_endings_and_blank_lines_are_ignored(change: object) -> None:
    assert of(change(b"".join(KNOWN))).is_same  # type: ignore[operator]


@pytest.mark.parametrize("whole", range(4))
def test_a_file_without_the_last_lines_is_behind(whole: int) -> None:
    found = of(*KNOWN[:whole])
    assert found.is_behind
    assert not found.is_same
    assert list(found.missing) == list(range(whole, 4))


@pytest.mark.parametrize("torn", [b'{"event_id":"e3', b"\0" * 40, b'{"event_id":"e3\0\0\0', b"\0"])
def test_a_partial_or_zeroed_last_line_is_torn(torn: bytes) -> None:
    found = of(*KNOWN[:2], torn)
    assert (found.is_behind, found.is_same) == (True, False)
    assert found.torn == torn
    assert list(found.missing) == [2, 3]


def test_zeroed_lines_are_missing_lines() -> None:
    found = of(KNOWN[0], b"\0" * len(KNOWN[1]) + KNOWN[2], KNOWN[3])
    assert list(found.missing) == [1]
    assert not any((found.damaged, found.foreign, found.changed))
    assert not found.is_behind


def test_a_file_without_a_middle_line_is_not_behind() -> None:
    found = of(KNOWN[0], KNOWN[2], KNOWN[3])
    assert list(found.missing) == [1]
    assert not found.is_behind


def test_foreign_lines_are_reported_with_their_positions() -> None:
    found = of(line("x"), KNOWN[0], KNOWN[1], line("y"), line("z"), *KNOWN[2:], line("w"))
    positions = [(it.number, json.loads(it.line)["event_id"], it.after) for it in found.foreign]
    assert positions == [(1, "x", 0), (4, "y", 2), (5, "z", 2), (8, "w", 4)]
    assert list(found.missing) == []
    assert not found.is_behind


def test_new_lines_without_an_event_id_are_foreign() -> None:
    known = [b'{"note":1}\n', b'{"event_id":""}\n', *KNOWN]
    found = compare(known, b"".join(known) + b'{"note":2}\n')
    assert [(it.line, it.after) for it in found.foreign] == [(b'{"note":2}\n', 6)]
    assert found.changed == []


def test_a_changed_line_is_reported_with_the_line_of_the_record() -> None:
    found = of(KNOWN[0], line("e2", actor="liar"), *KNOWN[2:])
    assert found.changed == [(2, 1)]
    assert list(found.missing) == []
    assert not found.is_behind


def test_swapped_and_duplicate_lines_are_misplaced() -> None:
    assert of(KNOWN[1], KNOWN[0], *KNOWN[2:]).misplaced == [2]
    assert of(*KNOWN, KNOWN[1]).misplaced == [5]
    assert list(of(*KNOWN, KNOWN[1]).missing) == []


def test_the_record_may_contain_equal_foreign_lines() -> None:
    known = [b'{"a":1}\n', KNOWN[0], b'{"a":1}\n']
    assert compare(known, b"".join(known)).is_same
    assert list(compare(known, b"".join(known[:2])).missing) == [2]


@pytest.mark.parametrize("damaged", [b"{half\n", b"[1]\n", b"<<<<<<< HEAD\n", b"\xff\n"])
def test_a_line_that_is_not_a_json_object_is_damaged(damaged: bytes) -> None:
    found = of(*KNOWN[:2], damaged, *KNOWN[2:])
    assert found.damaged == [3]
    assert not found.is_behind


def test_conflict_markers_are_damaged_lines() -> None:
    found = of(
        *KNOWN[:2], b"<<<<<<< ours\n", KNOWN[2], b"=======\n", line("x"), b">>>>>>> theirs\n"
    )
    assert found.damaged == [3, 5, 7]
    assert [it.after for it in found.foreign] == [3]
    assert list(found.missing) == [3]


def test_with_foreign_restores_missing_lines_in_their_places() -> None:
    found = of(KNOWN[0], line("x"), KNOWN[3], line("y"))
    whole = with_foreign(KNOWN, found.foreign)
    assert whole == [KNOWN[0], line("x"), *KNOWN[1:], line("y")]
    assert compare(whole, b"".join(whole)).is_same


def test_with_foreign_neither_loses_nor_duplicates_a_line() -> None:
    for seed in range(2000):
        put_together(random.Random(seed))


def put_together(chance: random.Random) -> None:
    known = [line(f"e{n}") for n in range(chance.randrange(8))]
    kept = [it for it in known if chance.random() < 0.7]
    for n in range(chance.randrange(5)):
        kept.insert(chance.randint(0, len(kept)), line(f"x{n}"))
    found = compare(known, b"".join(kept))
    whole = with_foreign(known, found.foreign)
    assert sorted(whole) == sorted({*known, *kept})
    assert [it for it in whole if it in known] == known
    assert [it for it in whole if it in kept] == kept
    assert {known[n] for n in found.missing} == set(known) - set(kept)
    assert compare(whole, b"".join(whole)).is_same
    if not found.foreign and kept == known[: len(kept)]:
        assert found.is_behind


def test_comparing_many_lines_takes_linear_time() -> None:
    known = [line(f"e{n}") for n in range(20_000)]
    assert compare(known, b"".join(known)).is_same
    assert len(compare(known, known[0] * 20_000).misplaced) == 19_999
    same = [b"{}\n"] * 20_000
    assert compare(same, b"".join(same)).is_same
    foreign = [Foreign(number=n, line=line(f"x{n}"), after=n) for n in range(0, 20_000, 2)]
    assert len(with_foreign(known, foreign)) == 30_000


def test_compare_parses_each_line_once_even_without_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    json_object = Mock(side_effect=event_lines.json_object)
    monkeypatch.setattr("specify_cli.storage.log_comparison.json_object", json_object)
    known = [b'{"n":%d}\n' % n for n in range(100)]
    others = [b'{"m":%d}\n' % n for n in range(100)]
    compare(known, b"".join(others))
    assert json_object.call_count <= 2 * (len(known) + len(others))


def test_a_foreign_line_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b'{"event_id":"A","note":1}\n{"event_id":"B"}\n'
    found = compare([], raw)
    monkeypatch.setattr(event_lines, "_decode", None)
    assert [event_lines.json_object(it.line) for it in found.foreign] == [
        {"event_id": "A", "note": 1},
        {"event_id": "B"},
    ]
    assert b"".join(it.line for it in found.foreign) == raw
