"""The flags of a contract command, and its help page if no line has to be wrapped."""

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
"""Replace the metavar of a flag without a value, and of one with a --no- form."""
NUMBER, MANY = "N", "TEXT ..."
"""The metavars of a number, and of a flag that may be repeated."""
THROUGH_MAILBOX = ("--mailbox DIR, --timeout-s N", "Use the mailbox DIR/inbox, DIR/outbox.")
HELP = ("-h, --help", "Show this message and exit.")
TOGETHER = {
    ("mission-state", "list-missions"): "Show a mission and its packages; list missions.",
    ("accept-mission", "merge-mission"): "Accept a mission; merge it into its target.",
    ("heartbeat", "release-claim"): "Report that a holder is alive; release a claim.",
    ("show-prompt", "package-history"): "Show the prompt or history of a package.",
}
"""Commands that share a line of the help page, so that it fits on a screen."""
WIDEST_EXAMPLE = 76
WIDEST_PAGE, NARROWEST_PAGE = 100, 50
WIDEST_NAME = 30
APART = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """A flag. One without text is hidden."""

    name: str
    argument: str
    metavar: str
    text: str

    @property
    def row(self) -> tuple[str, str]:
        """Return its row of the help page."""
        if self.metavar == PAIR:
            return f"{self.name}, --no-...", self.text
        return f"{self.name} {self.metavar}".rstrip(), self.text


def flags_of(asked: Command) -> list[Flag]:
    """Return the flags of the command, in the order of its help page."""
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
        text = f"Policy metadata: a JSON object.{'  [required]' if is_needed else ''}"
        found.append(Flag(name="--policy", argument="policy", metavar="JSON", text=text))
    if asked.changes_state:
        text = "Idempotency key: same id, same reply."
        found.append(Flag(name=ID_FLAG, argument="correlation_id", metavar="ID", text=text))
    return found


def _metavar(hint: object, *, is_json: bool) -> str:
    if hint is bool:
        return SWITCH
    if hint == bool | None:
        return PAIR
    if hint in (int, int | None, list[str]):
        return MANY if hint == list[str] else NUMBER
    return "JSON" if is_json else "TEXT"


def page(asked: Command) -> str | None:
    """Return the help page as click formats it; None if a line has to be wrapped."""
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


def summaries() -> list[tuple[str, str]]:
    """Return the rows of all commands, each with its summary, in the order of the contract."""
    rows = dict(registry.CONTRACT_COMMANDS)
    for names, summary in TOGETHER.items():
        rows[names[0]] = summary
        for name in names[1:]:
            del rows[name]
    firsts = {names[0]: ", ".join(names) for names in TOGETHER}
    return [(firsts.get(name, name), summary) for name, summary in rows.items()]


def _row(name: str, text: str, *, first: int) -> Iterator[str]:
    if len(name) > first - APART:
        yield f"  {name}"
        name = ""
    yield f"  {name:{first}}{text}"


def example(asked: Command) -> list[str]:
    """Return the example in lines that fit a terminal, continued with backslashes."""
    lines = ["Example:"]
    for part in re.split(r" (?=--)", asked.example):
        if len(f"{lines[-1]} {part}") > WIDEST_EXAMPLE:
            lines[-1] += " \\"
            lines.append(" ")
        lines[-1] += f" {part}"
    return lines


def _columns() -> int:
    """Return the terminal width as `shutil.get_terminal_size` does, which is slow to import."""
    wanted = os.environ.get("COLUMNS", "")
    if wanted.isascii() and wanted.isdigit() and int(wanted):
        return int(wanted)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or 80  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 80
