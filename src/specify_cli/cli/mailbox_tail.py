"""`spec-kitty mailbox tail`: print the journal and follow it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import click

from specify_cli.cli.client import layout_here
from specify_cli.cli.output import COULD_NOT_CHECK, bold, log, red, reporting_errors

INTERRUPTED = 130
LOOK_AGAIN_S = 0.25
OTHER_SHAPE = (AttributeError, KeyError, TypeError, RecursionError)


@click.command(short_help="Print the last journal lines, then new ones.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 100_000),
    default=10,
    show_default=True,
    help="Lines to print first.",
)
@click.option("--no-follow", is_flag=True, help="Do not wait for new lines.")
@click.option("--json", "as_json", is_flag=True, help="Print each line as JSON.")
def tail(*, lines: int, no_follow: bool, as_json: bool) -> None:
    """Print the last lines of the journal, then new ones, until Ctrl-C.

    Example: spec-kitty mailbox tail -n 20
    """
    try:
        with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
            for line in _shown(lines, follows=not no_follow):
                _tell(line, as_json=as_json)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _shown(count: int, *, follows: bool) -> Iterator[dict[str, Any]]:
    """Yield the last `count` lines; if `follows`, go on with new lines for ever."""
    from specify_cli.storage import journal_tail, records

    layout = layout_here()
    end = journal_tail.JournalTail(layout.journal, complain=log, record=records.found(layout))
    yield from end.last(count)
    while follows:
        yield from end.added()
        time.sleep(LOOK_AGAIN_S)


def _tell(line: Mapping[str, Any], *, as_json: bool) -> None:
    try:
        text = json.dumps(line) if as_json else _in_words(line)
    except OTHER_SHAPE as error:
        log(f"journal line {line['seq']} is damaged and cannot be shown: {error!r}")
        return
    click.echo(text)
    sys.stdout.flush()


def _in_words(line: Mapping[str, Any]) -> str:
    from specify_cli.mailbox import printable

    envelope = line["envelope"]
    code = envelope["error_code"]
    args = line.get("args") or {}
    subject = " ".join(str(args[name]) for name in ("mission", "wp") if args.get(name))
    who = line["identity"] if line["door"] == "mailbox" else "cli"
    words = f"{str(line['at'])[:19]}  {who}  {line['command'].partition('.')[2]} {subject}"
    words = f"{words.rstrip()}  {line['correlation_id']}"
    outcome = bold("OK") if code is None else red(str(code))
    what = "" if code is None else f": {envelope['data']['message']}"
    # The journal is untrusted: control characters must not reach the terminal.
    return f"{printable.printable(words)}  {outcome}{printable.printable(what)}"
