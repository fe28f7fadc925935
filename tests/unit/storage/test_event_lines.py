"""Tests of parsing the lines of a log: the result is that of pydantic, which the parser does not use."""

from __future__ import annotations

import json
from dataclasses import MISSING, field, make_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from specify_cli.core.events import Annotated, Event, MissionAccepted, Transitioned
from specify_cli.core.lanes import lane_named
from specify_cli.errors import StateUnreadable
from specify_cli.storage import event_fields, event_lines

PATH = Path("status.events.jsonl")
KINDS: dict[str, type[Event]] = {"annotation": Annotated, "mission_accepted": MissionAccepted}

WORDS = st.sampled_from(
    ["", "planned", " Doing", "done", "genesis", "a" * 40, "\ud800", "Zoë", "x"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(
    [*Transitioned._fields, "kind", "event_type", "delta", "batch", "beyond", "actor"]
)
SOUND = {"event_id": "E", "at": "t", "actor": "a", "wp_id": "WP01"}
BASES = st.sampled_from(
    [
        {},
        SOUND | {"from_lane": "planned", "to_lane": "claimed"},
        SOUND | {"from_lane": "in_review", "to_lane": "planned", "review_result": {"a": [1]}},
        SOUND | {"kind": "annotation", "delta": {"note": "n"}},
        SOUND | {"kind": "mission_accepted"},
    ]
)

OPTIONAL: dict[type, tuple[str, ...]] = {
    dict: ("review_result", "evidence", "policy_metadata"),
    str: ("correlation_id", "identity", "request_digest", "lane_base_ref", "released_holder"),
}


def validated(kind: type[Event]) -> TypeAdapter[Any]:
    hints, defaults = get_type_hints(kind), kind._field_defaults
    fields = [
        (name, hints[name], field(default=defaults.get(name, MISSING))) for name in kind._fields
    ]
    return TypeAdapter(make_dataclass(kind.__name__, fields))


ADAPTERS = {kind: validated(kind) for kind in (Transitioned, *KINDS.values())}


def encoded(text: str) -> st.SearchStrategy[bytes]:
    names = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]
    return st.sampled_from(names).map(text.encode)


def by_pydantic(record: dict[str, Any]) -> Event | str:
    """The event that pydantic makes of the known fields, or the beginning of its message."""
    kind = KINDS.get(str(record.get("kind")), Transitioned)
    try:
        return kind(**vars(ADAPTERS[kind].validate_python(record)))
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']};"


def with_readable_fields(record: dict[str, Any]) -> dict[str, Any]:
    """The record, in which the fields that decide no lane are converted as the parser converts them."""
    names = ("tool", "profile", "role")
    actor = record.get("actor")
    if isinstance(actor, dict):
        actor = next((n for n in map(actor.get, names) if isinstance(n, str) and n), None)
    lenient: dict[str, Any] = {
        "event_id": text(record.get("event_id")) or "",
        "at": record["at"] if isinstance(record.get("at"), str) else "",
        "actor": "unknown" if actor is None else text(actor) or "",
        "force": record.get("force") is True,
        "reason": text(record.get("reason")),
        "review_ref": text(record.get("review_ref")),
    }
    for kind, fields in OPTIONAL.items():
        for name in fields:
            value = record.get(name)
            lenient[name] = value if isinstance(value, kind) else None
    commit = record.get("commit", "")
    is_commit = commit is None or commit == "a" * 40
    if str(record.get("kind")) not in KINDS:
        for end in ("from_lane", "to_lane"):
            value = record.get(end)
            lenient[end] = lane_named(str(value)) or value
    return record | lenient | {"commit": commit if is_commit else ""}


def text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def read(record: dict[str, Any]) -> list[Event] | str:
    try:
        return list(event_lines.parse(json.dumps(record).encode() + b"\n", PATH).events)
    except StateUnreadable as refused:
        return refused.message


@given(
    base=BASES,
    others=st.dictionaries(NAMES, VALUES, max_size=3),
    dropped=st.sets(NAMES, max_size=1),
)
def test_every_line_is_parsed_or_refused_as_pydantic_would(
    base: dict[str, Any], others: dict[str, Any], dropped: set[str]
) -> None:
    record = {name: it for name, it in (base | others).items() if name not in dropped | {"batch"}}
    record = json.loads(json.dumps(record))  # NaN does not equal itself.
    found = read(record)
    if event_fields._kind_of(dict(record)) is None or found == []:
        assert found == []
        return
    expected = by_pydantic(with_readable_fields(record))
    if isinstance(expected, str):
        assert expected in found
    else:
        assert repr(found) == repr([expected])


@given(raw=st.binary(max_size=12) | st.sampled_from(['{"a":1}', "{}", "[]"]).flatmap(encoded))
def test_json_object_accepts_the_same_encodings_as_json_loads(raw: bytes) -> None:
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        said = None
    assert event_lines.json_object(raw) == (said if isinstance(said, dict) else None)
