"""`spec-kitty mailbox tail`: list journal lines, and follow the journal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from specify_cli.cli import progress_line
from specify_cli.cli.client import layout_here
from specify_cli.cli.journal_filters import filtered, line_filter
from specify_cli.cli.journal_table import JournalTable
from specify_cli.cli.output import COULD_NOT_CHECK, log, reporting_errors

if TYPE_CHECKING:
    from specify_cli.storage.journal_index import JournalIndex
    from specify_cli.storage.journal_queries import LineFilter
    from specify_cli.storage.journal_rows import IndexedLine

INTERRUPTED = 130
LOOK_AGAIN_S = 0.25


@click.command(short_help="List the last requests and their outcomes, then new ones.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 100_000),
    default=10,
    metavar="N",
    help="Lines to print first. Default: 10.",
)
@filtered
@click.option("--no-follow", is_flag=True, help="Do not wait for new lines.")
@click.option("--local", is_flag=True, help="Print local times instead of UTC.")
@click.option("--json", "as_json", is_flag=True, help="Print each journal line as JSON.")
def tail(*, lines: int, no_follow: bool, local: bool, as_json: bool, **given: Any) -> None:
    """List the last requests and their outcomes, then new ones, until Ctrl-C.

    A line has to match all filters. TOOK is the time until the answer.

    Example: spec-kitty mailbox tail --failed --since 2h --mission 034-search
    """
    table = None if as_json else JournalTable(is_local=local, grows=not no_follow)
    try:
        with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
            for index, found in _batches(given, count=lines, follows=not no_follow):
                if found or not no_follow:
                    _print(index, found, table)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _batches(
    given: dict[str, Any], *, count: int, follows: bool
) -> Iterator[tuple[JournalIndex, list[IndexedLine]]]:
    """Yield the last `count` lines; if `follows`, go on with new lines for ever."""
    from specify_cli.storage import journal_queries
    from specify_cli.storage.journal_index import JournalIndex

    index = JournalIndex(layout_here())
    wanted = line_filter(index, given)
    with progress_line.shown():
        found, seen = index.read(
            lambda it: (journal_queries.last(it, wanted, count), journal_queries.newest(it))
        )
    yield index, found
    while follows:
        found, seen = _new_lines(index, wanted, seen)
        if found:
            yield index, found
        time.sleep(LOOK_AGAIN_S)


def _new_lines(index: JournalIndex, wanted: LineFilter, seen: int) -> tuple[list[IndexedLine], int]:
    """Return the lines after the one with the `seq` `seen`, and the newest `seq`."""
    from specify_cli.storage import journal_queries

    def query(connection: Any) -> tuple[list[IndexedLine], int]:
        newest = journal_queries.newest(connection)
        if newest <= seen:
            return [], newest
        found = journal_queries.following(connection, wanted, after=seen)
        is_whole = len(found) < journal_queries.AT_ONCE
        return found, newest if is_whole else found[-1].seq

    found, newest = index.read(query)
    if newest < seen:
        log(f"the record was replaced by an older one, which ends at line {newest}")
    return found, newest


def _print(index: JournalIndex, found: list[IndexedLine], table: JournalTable | None) -> None:
    said = index.lines([it.seq for it in found if table is None or it.code])
    if table is not None and not table.has_head:
        click.echo(table.head(found))
    for line in found:
        if table is not None:
            click.echo(table.text(line, said.get(line.seq)))
        elif line.seq in said:
            click.echo(json.dumps(said[line.seq]))
        else:
            log(f"line {line.seq} was removed from the journal")
    sys.stdout.flush()
