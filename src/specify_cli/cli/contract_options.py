"""The click options of the commands of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from specify_cli.cli import api_line

if TYPE_CHECKING:
    from specify_cli.cli import flags


class ThroughMailbox(click.Option):
    """The --mailbox flag, shown in one help line with --timeout-s."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return both names and their help text."""
        from specify_cli.cli import flags

        return flags.THROUGH_MAILBOX


def mailbox_options() -> list[click.Parameter]:
    """Return the flags that select a mailbox."""
    return [
        ThroughMailbox(["--mailbox"], metavar="DIR"),
        click.Option(["--timeout-s"], metavar="N", hidden=True),
    ]


class Pair(click.Option):
    """A flag with a --no- form, shown in short form."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return its names and its text; None if it is hidden."""
        return None if self.hidden else (f"{self.opts[0]}, --no-...", self.help or "")


def option(flag: flags.Flag) -> click.Option:
    """Build the click option. The dispatcher checks required arguments, for all interfaces alike."""
    from specify_cli.cli import flags

    if flag.metavar == flags.SWITCH:
        return click.Option([flag.name, flag.argument], is_flag=True, default=None, help=flag.text)
    if flag.metavar == flags.PAIR:
        pair = f"{flag.name}/--no-{flag.name.removeprefix('--')}"
        return Pair([pair, flag.argument], default=None, help=flag.text, hidden=not flag.text)
    shown: dict[str, Any] = {"help": flag.text, "metavar": flag.metavar}
    if flag.metavar == flags.NUMBER:
        shown["type"] = api_line.number_in
    if flag.metavar == flags.MANY:
        shown |= {"multiple": True, "callback": lambda _, __, given: list(given) or None}
    return click.Option([flag.name, flag.argument], **shown)
