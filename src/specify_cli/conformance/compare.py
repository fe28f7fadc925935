"""Comparison of an answer with the expected one, and of two answers with each other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from specify_cli.conformance.documents import schema_errors
from specify_cli.conformance.findings import Nonconformity, demand

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", re.ASCII)
SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
ENTRY_ID = re.compile(r"hist-[0-9a-f]{32}")
EVENT_ID = re.compile("[0-7][0-9A-HJKMNP-TV-Z]{25}")
GENERATED_ID = re.compile("(?:corr|test)-[0-9a-f]{32}")
PATH = re.compile(r"<path:(.+)>")
ENVELOPE_KEYS = [
    "contract_version",
    "command",
    "timestamp",
    "correlation_id",
    "success",
    "error_code",
    "data",
]


def envelope_of(raw: bytes) -> dict[str, Any]:
    """Parse the bytes as one envelope: one line of ASCII that matches its schemas.

    Raises:
        Nonconformity: The bytes are not such an envelope.
    """
    demand(raw.endswith(b"\n") and raw.count(b"\n") == 1, f"not one line: {excerpt(raw)}")
    try:
        envelope = json.loads(raw.decode("ascii"))
    except ValueError as error:
        raise Nonconformity(f"not JSON in ASCII ({error}): {excerpt(raw)}") from error
    demand(isinstance(envelope, dict), f"not an object: {excerpt(raw)}")
    demand(list(envelope) == ENVELOPE_KEYS, f"has the keys {list(envelope)}")
    complaints = schema_errors("envelope", envelope) or schema_errors(
        _schema_of_data(envelope), envelope["data"]
    )
    demand(not complaints, "; ".join(complaints))
    return dict(envelope)


def excerpt(raw: bytes) -> str:
    """Return the first 300 bytes, escaped for a message."""
    return repr(raw[:300])[1:]


def differences(expected: Any, actual: Any, where: str = "data") -> Iterator[str]:
    """Yield a message for every difference between `actual` and `expected`."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        if expected.keys() != actual.keys():
            yield f"{where}: has {sorted(actual)}, expected {sorted(expected)}"
        for key in expected.keys() & actual.keys():
            yield from differences(expected[key], actual[key], f"{where}.{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            yield f"{where}: has {len(actual)} items, expected {len(expected)}: {actual!r}"
        for position, pair in enumerate(zip(expected, actual, strict=False)):
            yield from differences(*pair, f"{where}[{position}]")
    elif not _fits(expected, actual):
        yield f"{where}: is {actual!r}, expected {expected!r}"


def normalized(envelope: dict[str, Any], root: Path) -> str:
    """Return the envelope as text, with all values that differ between runs replaced.

    Those are time stamps, generated ids, positions, the path of the project, and commit ids.
    """
    comparable = {**envelope, "timestamp": None, "correlation_id": None}
    if "position" in comparable["data"]:
        comparable["data"] = {**comparable["data"], "position": "<position>"}
    text = json.dumps(comparable).replace(str(root), "<root>")
    for variable in (TIMESTAMP, SHA, ENTRY_ID, EVENT_ID, GENERATED_ID):
        text = re.sub(rf"(?<![0-9a-zA-Z])(?:{variable.pattern})(?![0-9a-zA-Z])", "<variable>", text)
    return text


def _schema_of_data(envelope: dict[str, Any]) -> str:
    if not envelope["success"]:
        return "refusal"
    return f"commands/{envelope['command'].removeprefix('orchestrator-api.')}.reply"


def _is_whole(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


PLACEHOLDERS: dict[str, Callable[[Any], bool]] = {
    "<any>": lambda value: True,
    "<string>": lambda value: isinstance(value, str) and value != "",
    "<timestamp>": _is_whole(TIMESTAMP),
    "<hist-id>": _is_whole(ENTRY_ID),
    "<sha>": _is_whole(SHA),
    "<int>": lambda value: type(value) is int,
}


def _fits(expected: Any, actual: Any) -> bool:
    if not isinstance(expected, str):
        return type(expected) is type(actual) and bool(expected == actual)
    if path := PATH.fullmatch(expected):
        return isinstance(actual, str) and actual[:1] == "/" and actual.endswith(f"/{path[1]}")
    return PLACEHOLDERS.get(expected, lambda value: bool(value == expected))(actual)
