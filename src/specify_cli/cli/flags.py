"""The flags of a contract command, and its help page if no line has to be wrapped."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_type_hints

from specify_cli.cli import help_layout
from specify_cli.orchestrator_api import arguments, command, registry
from specify_cli.orchestrator_api.values import REQUIRED, fields

if TYPE_CHECKING:
    from specify_cli.orchestrator_api.command import Command

ID_FLAG = "--correlation-id"
SWITCH, PAIR = "", "no"
"""Replace the metavar of a flag without a value, and of one with a --no- form."""
NUMBER, MANY = "N", "TEXT ..."
"""The metavars of a number, and of a flag that may be repeated."""
THROUGH_MAILBOX = ("--mailbox DIR, --timeout-s N", "Use the mailbox DIR/inbox, DIR/outbox.")
WIDEST_EXAMPLE = 76


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
            metavar=_metavar(hints[it.name], is_json=it.is_json),
            text=it.help + ("  [required]" if it.default is REQUIRED else ""),
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
    rows = [*(it.row for it in flags_of(asked) if it.text), THROUGH_MAILBOX, help_layout.HELP]
    summary = registry.CONTRACT_COMMANDS[asked.name]
    return help_layout.page(
        f"{asked.name} [OPTIONS]", [[summary], example(asked)], {"Options": rows}
    )


def example(asked: Command) -> list[str]:
    """Return the example in lines that fit a terminal, continued with backslashes."""
    lines = ["Example:"]
    for part in re.split(r" (?=--)", asked.example):
        if len(f"{lines[-1]} {part}") > WIDEST_EXAMPLE:
            lines[-1] += " \\"
            lines.append(" ")
        lines[-1] += f" {part}"
    return lines
