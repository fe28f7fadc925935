from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.errors import RequestMalformed
from specify_cli.storage import strict_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_every_json_value_is_parsed_unchanged(value: object) -> None:
    assert strict_json.parse(json.dumps(value).encode()) == value


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_parsed_as_json_loads_does_or_refused(raw: bytes) -> None:
    try:
        value = strict_json.parse(raw)
    except RequestMalformed:
        return
    assert json.loads(raw) == value


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"{",
        b"{} {}",
        b"{}\0",
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b'{"a": "\xff"}',
        b'{"a": 1, "a": 1}',
        b'{"outer": {"a": 1, "\\u0061": 2}}',
        b"NaN",
        b"-Infinity",
        b'{"a": 1e999}',
        b'{"a": [-1e999]}',
        b"9" * 5000,
        b"[" * 120 + b"]" * 120,
        b"[" * 200_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"'a'",
        b"01",
        b'"\n"',
    ],
)
def test_anything_but_strict_json_is_refused(raw: bytes) -> None:
    with pytest.raises(RequestMalformed):
        strict_json.parse(raw)


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"1", b"1.5", b"true", b"null"])
def test_parse_object_refuses_anything_but_an_object(raw: bytes) -> None:
    with pytest.raises(RequestMalformed):
        strict_json.parse_object(raw)


def test_one_hundred_levels_of_nesting_are_accepted() -> None:
    deep = b"[" * 100 + b"]" * 100
    assert strict_json.parse(deep) == json.loads(deep)
