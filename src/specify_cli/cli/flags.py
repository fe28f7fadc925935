"""The flags of a command of the contract, and its help page where nothing on it has to be wrapped."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, get_type_hints

from specify_cli.orchestrator_api import arguments, command, registry

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.command import Command

PROGRAM = "spec-kitty orchestrator-api"
ID_FLAG = "--correlation-id"
SWITCH, PAIR = "", "no"
"""In place of a metavar: of a flag that takes no value, and of one that can be denied."""
THROUGH_MAILBOX = ("--mailbox DIR, --timeout-s N", "Ask through DIR/inbox and DIR/outbox.")
HELP = ("-h, --help", "Show this message and exit.")
WIDEST_EXAMPLE = 76
WIDEST_PAGE, NARROWEST_PAGE = 100, 50
WIDEST_NAME = 30
APART = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag: what it is called, what stands behind it, and what it is for; without a text it is not shown."""

    name: str
    argument: str
    metavar: str
    text: str

    @property
    def row(self) -> tuple[str, str]:
        """What the help page says of it."""
        if self.metavar == PAIR:
            return f"{self.name}, --no-...", self.text
        return f"{self.name} {self.metavar}".rstrip(), self.text


def flags_of(asked: Command) -> list[Flag]:
    """The flags of the command, in the order of its help page."""
    hints = get_type_hints(asked.params)
    found = [
        Flag(
            name=arguments.flag_of(it),
            argument=it.name,
            metavar=_metavar(hints[it.name], is_json=it.metadata["is_json"]),
            text=it.metadata["help"] + ("" if arguments.has_default(it) else "  [required]"),
        )
        for it in fields(asked.params)
    ]
    if asked.takes_policy:
        is_needed = asked.needs_policy is command.always
        text = f"Policy metadata, a JSON object.{'  [required]' if is_needed else ''}"
        found.append(Flag(name="--policy", argument="policy", metavar="JSON", text=text))
    if asked.changes_state:
        text = "Idempotency key: same id, same answer."
        found.append(Flag(name=ID_FLAG, argument="correlation_id", metavar="ID", text=text))
    return found


def _metavar(hint: object, *, is_json: bool) -> str:
    if hint is bool:
        return SWITCH
    if hint == bool | None:
        return PAIR
    return "JSON" if is_json else "TEXT"


def page(asked: Command) -> str | None:
    """The help page as click makes it; None where something on it has to be wrapped."""
    width = max(min(_columns(), WIDEST_PAGE) - APART, NARROWEST_PAGE)
    rows = [*(it.row for it in flags_of(asked) if it.text), THROUGH_MAILBOX, HELP]
    first = min(max(len(name) for name, _ in rows), WIDEST_NAME) + APART
    usage, summary = (
        f"Usage: {PROGRAM} {asked.name} [OPTIONS]",
        registry.CONTRACT_COMMANDS[asked.name],
    )
    room = min(width - len(usage), width - APART - len(summary))
    if min(room, *(width - first - APART - len(text) for _, text in rows)) < 0:
        return None
    lines = [usage, "", f"  {summary}", "", *(f"  {it}" for it in example(asked)), "", "Options:"]
    lines += (line for row in rows for line in _row(*row, first=first))
    return "\n".join(lines)


def _row(name: str, text: str, *, first: int) -> Iterator[str]:
    if len(name) > first - APART:
        yield f"  {name}"
        name = ""
    yield f"  {name:{first}}{text}"


def example(asked: Command) -> list[str]:
    """The example in lines that fit a terminal, carried on as a shell has it."""
    lines = ["Example:"]
    for part in re.split(r" (?=--)", asked.example):
        if len(f"{lines[-1]} {part}") > WIDEST_EXAMPLE:
            lines[-1] += " \\"
            lines.append(" ")
        lines[-1] += f" {part}"
    return lines


def _columns() -> int:
    """As `shutil.get_terminal_size` tells, which is slow to load."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80
