"""JSON as the contract reads it: one object, UTF-8, no key twice, no numbers that JSON has not."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from specify_cli.errors import RequestMalformed

DEEPEST = 100
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def parse_object(raw: bytes) -> dict[str, Any]:
    """The one object in `raw`.

    Raises: RequestMalformed saying what is wrong and where.
    """
    value = parse(raw)
    if not isinstance(value, dict):
        raise RequestMalformed(f"the request is {_kind(value)}: send exactly one JSON object")
    return value


def parse(raw: bytes) -> Any:
    """The one JSON value in `raw`.

    Raises: RequestMalformed saying what is wrong and where.
    """
    if raw.startswith(BYTE_ORDER_MARK):
        raise RequestMalformed("the request begins with a byte order mark: send UTF-8 without one")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestMalformed(f"the request is not UTF-8 at byte {error.start}") from error
    try:
        value = json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise RequestMalformed(
            f"the request is not JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise RequestMalformed("the request is nested too deeply") from error
    except ValueError as error:  # A number of thousands of digits is refused by int().
        raise RequestMalformed("the request holds a number with too many digits") from error
    _check_depth(value)
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise RequestMalformed(f"the request has the key {twice[:80]!r} twice in one object")
    return found


def _no_constant(name: str) -> float:
    raise RequestMalformed(f"the request holds {name}, which is no JSON number")


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        if depth > DEEPEST:
            raise RequestMalformed(f"the request is nested deeper than {DEEPEST} levels")
        level = [inner for outer in level for inner in _children(outer)]
        depth += 1


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise RequestMalformed("the request holds a number beyond the range of a double")
    return value if isinstance(value, list) else []


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
