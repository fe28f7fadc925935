"""`spec-kitty mailbox tail`: the journal in words, as it grows."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from specify_cli.cli.complaining import COULD_NOT_CHECK, complaining, layout_here
from specify_cli.cli.deferred import Deferred
from specify_cli.cli.saying import bold, red

if TYPE_CHECKING:
    from specify_cli.mailbox import printable, verification
    from specify_cli.storage import journal_tail
else:
    journal_tail = Deferred("specify_cli.storage.journal_tail")
    printable = Deferred("specify_cli.mailbox.printable")
    verification = Deferred("specify_cli.mailbox.verification")

INTERRUPTED = 130
LOOK_AGAIN_S = 0.25


@click.command(short_help="Print the journal's last lines, then each that comes.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 100_000),
    default=10,
    show_default=True,
    help="How many to begin with.",
)
@click.option("--no-follow", is_flag=True, help="End after those.")
@click.option("--json", "as_json", is_flag=True, help="The lines as they are.")
def tail(*, lines: int, no_follow: bool, as_json: bool) -> None:
    """Print the journal's last lines, then each one that comes, until Ctrl-C.

    Example: spec-kitty mailbox tail -n 20
    """
    try:
        with complaining(exit_code=COULD_NOT_CHECK):
            for line in _shown(lines, follows=not no_follow):
                click.echo(json.dumps(line) if as_json else _in_words(line))
                sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _shown(count: int, *, follows: bool) -> Iterator[dict[str, Any]]:
    """The last `count` lines, and then, where it `follows`, whatever is added, for ever."""
    layout = layout_here()
    end = journal_tail.JournalTail(verification.open_journal(layout), layout.journal)
    yield from end.last(count)
    while follows:
        yield from end.added()
        time.sleep(LOOK_AGAIN_S)


def _in_words(line: Mapping[str, Any]) -> str:
    envelope = line["envelope"]
    code = envelope["error_code"]
    args = line.get("args") or {}
    subject = " ".join(str(args[name]) for name in ("mission", "wp") if args.get(name))
    who = line["identity"] if line["door"] == "mailbox" else "cli"
    words = f"{str(line['at'])[:19]}  {who}  {line['command'].partition('.')[2]}"
    words = " ".join([printable.printable(words), printable.printable(subject)]).rstrip()
    outcome = bold("OK") if code is None else red(code)
    what = "" if code is None else printable.printable(f": {envelope['data']['message']}")
    return f"{words}  {line['correlation_id']}  {outcome}{what}"
