"""JSON as the contract requires it: one UTF-8 object, no duplicate keys, only numbers of JSON."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

from specify_cli.errors import RequestMalformed

DEEPEST = 100
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse_object(raw: bytes) -> dict[str, Any]:
    """Return the one object in `raw`.

    Raises:
        RequestMalformed: says what is wrong and where.
    """
    value = load_object(raw)
    check(value)
    return value


def load_object(raw: bytes) -> dict[str, Any]:
    """Return the one object in `raw`; call `check` on it.

    Raises:
        RequestMalformed: says what is wrong and where.
    """
    value = load(raw)
    if not isinstance(value, dict):
        raise RequestMalformed(f"the request is {_kind(value)}: send exactly one JSON object")
    return value


def parse(raw: bytes) -> Any:
    """Return the one JSON value in `raw`.

    Raises:
        RequestMalformed: says what is wrong and where.
    """
    value = load(raw)
    check(value)
    return value


def load(raw: bytes) -> Any:
    """Return the one JSON value in `raw`; `check` tests its keys, numbers and depth.

    Raises:
        RequestMalformed: says what is wrong and where.
    """
    if raw.startswith(BYTE_ORDER_MARK):
        raise RequestMalformed("the request begins with a byte order mark: send UTF-8 without one")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestMalformed(f"the request is not UTF-8 at byte {error.start}") from error
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise RequestMalformed(
            f"the request is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise RequestMalformed("the request is nested too deeply") from error
    except ValueError as error:  # int() refuses a number with thousands of digits.
        raise RequestMalformed("the request has a number with too many digits") from error


def check(value: Any, *, skip: str | None = None) -> None:
    """Check that a loaded value is strict JSON, except for the value of its key `skip`.

    Raises:
        RequestMalformed: it is not; no key is quoted, because it may be a secret.
    """
    level, depth = [value], 0
    while level:
        if depth > DEEPEST:
            raise RequestMalformed(f"the request is nested deeper than {DEEPEST} levels")
        level = [inner for outer in level for inner in _children(outer, None if depth else skip)]
        depth += 1


class _KeyTwice(dict[str, Any]):
    """An object with a duplicate key; `places` are its first two positions."""

    places: tuple[int, int]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    first: dict[str, int] = {}
    twice = _KeyTwice(found)
    for place, (key, _) in enumerate(pairs, start=1):
        if first.setdefault(key, place) != place:
            twice.places = (first[key], place)
            break
    return twice


def _children(value: Any, skip: str | None) -> list[Any]:
    if isinstance(value, _KeyTwice):
        one, other = value.places
        raise RequestMalformed(
            f"the request has a key twice: keys {one} and {other} of an object are the same"
        )
    if isinstance(value, dict):
        return [inner for name, inner in value.items() if name != skip or skip is None]
    if isinstance(value, float) and not isfinite(value):
        raise RequestMalformed("the request has NaN, or a number beyond the range of a double")
    return value if isinstance(value, list) else []


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
