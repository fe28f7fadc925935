"""How the file of a log stands to the record: nothing that git or a person does to it is mistaken."""

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


def test_the_same_file_is_the_same() -> None:
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
def test_ends_of_lines_and_blank_lines_do_not_count(change: object) -> None:
    assert of(change(b"".join(KNOWN))).is_same  # type: ignore[operator]


@pytest.mark.parametrize("whole", range(4))
def test_a_file_that_lacks_the_end_is_behind(whole: int) -> None:
    found = of(*KNOWN[:whole])
    assert found.is_behind
    assert not found.is_same
    assert list(found.missing) == list(range(whole, 4))


@pytest.mark.parametrize("torn", [b'{"event_id":"e3', b"\0" * 40, b'{"event_id":"e3\0\0\0', b"\0"])
def test_what_a_power_loss_leaves_at_the_end_is_torn(torn: bytes) -> None:
    found = of(*KNOWN[:2], torn)
    assert (found.is_behind, found.is_same) == (True, False)
    assert found.torn == torn
    assert list(found.missing) == [2, 3]


def test_zeros_in_place_of_lines_are_lines_that_are_missing() -> None:
    found = of(KNOWN[0], b"\0" * len(KNOWN[1]) + KNOWN[2], KNOWN[3])
    assert list(found.missing) == [1]
    assert not any((found.damaged, found.foreign, found.changed))
    assert not found.is_behind


def test_a_line_that_is_missing_in_the_middle_is_not_the_end() -> None:
    found = of(KNOWN[0], KNOWN[2], KNOWN[3])
    assert list(found.missing) == [1]
    assert not found.is_behind


def test_lines_of_others_are_told_with_their_places() -> None:
    found = of(line("x"), KNOWN[0], KNOWN[1], line("y"), line("z"), *KNOWN[2:], line("w"))
    told = [(it.number, json.loads(it.line)["event_id"], it.after) for it in found.foreign]
    assert told == [(1, "x", 0), (4, "y", 2), (5, "z", 2), (8, "w", 4)]
    assert list(found.missing) == []
    assert not found.is_behind


def test_lines_without_an_event_id_are_of_others() -> None:
    known = [b'{"note":1}\n', b'{"event_id":""}\n', *KNOWN]
    found = compare(known, b"".join(known) + b'{"note":2}\n')
    assert [(it.line, it.after) for it in found.foreign] == [(b'{"note":2}\n', 6)]
    assert found.changed == []


def test_a_line_that_somebody_changed_is_told_with_ours() -> None:
    found = of(KNOWN[0], line("e2", actor="liar"), *KNOWN[2:])
    assert found.changed == [(2, 1)]
    assert list(found.missing) == []
    assert not found.is_behind


def test_lines_that_changed_places_or_are_there_twice_are_misplaced() -> None:
    assert of(KNOWN[1], KNOWN[0], *KNOWN[2:]).misplaced == [2]
    assert of(*KNOWN, KNOWN[1]).misplaced == [5]
    assert list(of(*KNOWN, KNOWN[1]).missing) == []


def test_the_same_line_of_others_may_be_there_more_than_once() -> None:
    known = [b'{"a":1}\n', KNOWN[0], b'{"a":1}\n']
    assert compare(known, b"".join(known)).is_same
    assert list(compare(known, b"".join(known[:2])).missing) == [2]


@pytest.mark.parametrize("damaged", [b"{half\n", b"[1]\n", b"<<<<<<< HEAD\n", b"\xff\n"])
def test_a_line_that_is_no_object_is_damaged(damaged: bytes) -> None:
    found = of(*KNOWN[:2], damaged, *KNOWN[2:])
    assert found.damaged == [3]
    assert not found.is_behind


def test_conflict_marks_of_git_are_damaged_lines_and_nothing_else() -> None:
    found = of(
        *KNOWN[:2], b"<<<<<<< ours\n", KNOWN[2], b"=======\n", line("x"), b">>>>>>> theirs\n"
    )
    assert found.damaged == [3, 5, 7]
    assert [it.after for it in found.foreign] == [3]
    assert list(found.missing) == [3]


def test_a_file_that_lacks_lines_gets_them_back_in_their_places() -> None:
    found = of(KNOWN[0], line("x"), KNOWN[3], line("y"))
    whole = with_foreign(KNOWN, found.foreign)
    assert whole == [KNOWN[0], line("x"), *KNOWN[1:], line("y")]
    assert compare(whole, b"".join(whole)).is_same


def test_nothing_that_is_put_together_again_is_lost_or_doubled() -> None:
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


def test_many_lines_are_compared_without_reading_one_twice() -> None:
    known = [line(f"e{n}") for n in range(20_000)]
    assert compare(known, b"".join(known)).is_same
    assert len(compare(known, known[0] * 20_000).misplaced) == 19_999
    same = [b"{}\n"] * 20_000
    assert compare(same, b"".join(same)).is_same
    foreign = [Foreign(number=n, line=line(f"x{n}"), after=n) for n in range(0, 20_000, 2)]
    assert len(with_foreign(known, foreign)) == 30_000


def test_each_line_of_the_record_is_read_once_even_if_none_has_an_id(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    json_object = Mock(side_effect=event_lines.json_object)
    monkeypatch.setattr("specify_cli.storage.log_comparison.json_object", json_object)
    known = [b'{"n":%d}\n' % n for n in range(100)]
    others = [b'{"m":%d}\n' % n for n in range(100)]
    compare(known, b"".join(others))
    assert json_object.call_count <= 2 * (len(known) + len(others))


def test_a_line_of_somebody_else_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = b'{"event_id":"A","note":1}\n{"event_id":"B"}\n'
    found = compare([], raw)
    monkeypatch.setattr(event_lines, "_decode", None)
    assert [event_lines.json_object(it.line) for it in found.foreign] == [
        {"event_id": "A", "note": 1},
        {"event_id": "B"},
    ]
    assert b"".join(it.line for it in found.foreign) == raw
