"""Parse a simple command line of the contract, and leave everything else to click.

Click takes four times as long as the reply itself. This parser never refuses a command line: what
it does not cover is parsed by click, so the two cannot disagree.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from specify_cli.cli import shipped

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import Any

LONGEST_ID = 128
LONGEST_NUMBER = 9
TRANSPORT_FLAGS = ({"flag": "--mailbox"}, {"flag": "--timeout-s"})
"""Flags of every command that select the interface."""


class Line:
    """A parsed request, and the mailbox to send it to."""

    __slots__ = ("args", "changes_state", "command", "given_id", "mailbox", "policy", "timeout_s")

    def __init__(self, command: str, args: dict[str, Any], *, changes_state: bool) -> None:
        self.command = command
        self.args = args
        self.changes_state = changes_state
        self.policy: Any = None
        self.given_id: str | None = None
        self.mailbox: str | None = None
        self.timeout_s: str | None = None


class Declined(Exception):
    """This parser does not cover the command line."""


def read(words: Sequence[str]) -> Line | None:
    """Parse the arguments after `orchestrator-api`; None if click must parse them."""
    try:
        command = _command(words[0] if words else "")
        flags = {flag["flag"]: flag for flag in (*command["flags"], *TRANSPORT_FLAGS)}
        return _line(command, flags, _values(list(words[1:]), flags))
    except (Declined, OSError, ValueError):
        return None


def _command(name: str) -> dict[str, Any]:
    """Return the entry of the command in commands.json."""
    document = json.loads(shipped.contract_text("v1/commands.json"))
    for command in document:
        if command["name"] == name:
            found: dict[str, Any] = command
            return found
    raise Declined


def _values(words: list[str], flags: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the value of each flag."""
    denials = {flag["negation"]: name for name, flag in flags.items() if "negation" in flag}
    found: dict[str, Any] = {}
    words.reverse()
    while words:
        flag, equals, value = words.pop().partition("=")
        name = denials.get(flag, flag)
        if name not in flags:
            raise Declined
        if flags[name].get("type") == "list":
            found[name] = [*found.get(name, ()), value if equals else _next(words)]
            continue
        if name in found:
            raise Declined
        if flags[name].get("type") == "boolean":
            found[name] = _without_value(equals, is_denied=flag in denials)
        else:
            found[name] = value if equals else _next(words)
    return found


def _without_value(equals: str, *, is_denied: bool) -> bool:
    if equals:
        raise Declined
    return not is_denied


def _next(words: list[str]) -> str:
    if not words or words[-1].startswith("-"):
        raise Declined
    return words.pop()


def _line(
    command: dict[str, Any],
    flags: dict[str, dict[str, Any]],
    values: dict[str, Any],
) -> Line:
    line = Line(command["name"], {}, changes_state=command["changes_state"])
    line.mailbox, line.timeout_s = _text(values, "--mailbox"), _text(values, "--timeout-s")
    line.given_id = _id(_text(values, "--correlation-id"))
    for name, value in values.items():
        kind = flags[name].get("type")
        if name == "--policy":
            line.policy = policy_in(str(value))
        elif flags[name].get("place") == "args":
            line.args[flags[name]["arg"]] = _READERS.get(str(kind), _as_given)(value)
    return line


def _text(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    return value if isinstance(value, str) else None


def _id(text: str | None) -> str | None:
    if text is None:
        return None
    bare = text.replace(".", "").replace("_", "").replace("-", "")
    in_alphabet = text.isascii() and (bare.isalnum() or not bare)
    if not in_alphabet or not 0 < len(text) <= LONGEST_ID or text[0] == ".":
        raise Declined
    from specify_cli import credentials

    if credentials.find(text):  # Click reports the refusal.
        raise Declined
    return text


def number_in(text: str) -> int | str:
    """Return the whole number in the text; the text itself if it is not a number, so that the host refuses it."""
    digits = text.removeprefix("-")
    is_number = digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER
    return int(text) if is_number else text


def policy_in(text: str | None) -> Any:
    """Parse the policy flag; return invalid JSON as text, for the host to refuse."""
    if text is None:
        return None
    try:
        return _json(text)
    except Declined:
        return text


def _json(text: str) -> Any:
    from specify_cli.errors import RequestMalformed
    from specify_cli.storage import strict_json

    try:
        return strict_json.parse(text.encode("utf-8", "surrogateescape"))
    except RequestMalformed as error:
        raise Declined from error


def _as_given(value: Any) -> Any:
    return value


_READERS = {"json": _json, "integer": number_in}
