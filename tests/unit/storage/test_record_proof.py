"""Tests of the head, which proves that no line of the record was changed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies

from specify_cli.storage.record_proof import (
    FREE_TEXT,
    NOTHING_BEFORE,
    ORIGINAL,
    ProvedLines,
    head_after,
    redacted,
)

KEYS = strategies.one_of(
    strategies.text(max_size=4), strategies.sampled_from([*FREE_TEXT, ORIGINAL])
)
VALUES = strategies.recursive(
    strategies.one_of(
        strategies.none(),
        strategies.booleans(),
        strategies.integers(),
        strategies.floats(allow_nan=False, allow_infinity=False),
        strategies.text(),
    ),
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=3), strategies.dictionaries(KEYS, inner, max_size=3)
    ),
    max_leaves=8,
)


def head(published: bytes | None, log: bytes = b"") -> bytes:
    lines = ProvedLines(published=published, log=log, salt=b"salt")
    return head_after(NOTHING_BEFORE, about=(), lines=lines)


@given(strategies.dictionaries(KEYS, VALUES))
def test_the_head_of_a_fresh_line_equals_the_head_of_its_bytes(
    said: dict[str, object],
) -> None:
    line = json.dumps(said, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    fresh = ProvedLines(published=line, log=b"", salt=b"salt", is_fresh=True)
    assert head_after(NOTHING_BEFORE, about=(), lines=fresh) == head(line)


def test_a_redaction_does_not_change_the_head() -> None:
    said = json.dumps({"id": "r1", "note": "the key is 123", "args": {"note": ["fine", "123"]}})
    before = said.encode() + b"\n"
    after = redacted(before, salt=b"salt", secret="123")
    marks = [json.loads(after)["note"], json.loads(after)["args"]["note"][1]]
    assert all(it.startswith("[redacted sha256:") for it in marks)
    assert json.loads(after)["args"]["note"][0] == "fine"
    assert head(after) == head(before)
    assert redacted(after, salt=b"salt", secret="123 again") == after


@pytest.mark.parametrize(
    "change", [("claimed", "done"), ("fine", "bad"), ('"n":1', '"n":2'), ('"note"', '"memo"')]
)
def test_any_other_change_changes_the_head(change: tuple[str, str]) -> None:
    said = '{"lane":"claimed","note":"fine","n":1}'
    assert head(said.encode()) != head(said.replace(*change).encode())


def test_the_head_depends_on_the_position_of_a_line() -> None:
    assert head(b'{"a":1}\n', b'{"b":1}\n') != head(b'{"b":1}\n', b'{"a":1}\n')
    assert head(None, b'{"a":1}\n') != head(b'{"a":1}\n')
    assert head(None, b'{"a":1}\n{"b":1}\n') != head(None, b'{"a":1}\n')
