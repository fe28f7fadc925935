"""`spec-kitty mailbox stats`: count requests, and how long their answers took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import click

from specify_cli.cli import json_reply, progress_line
from specify_cli.cli.client import layout_here
from specify_cli.cli.journal_filters import SINCE, UNTIL
from specify_cli.cli.journal_table import NOTHING, aligned, duration, time_of
from specify_cli.cli.options import JSON
from specify_cli.cli.output import COULD_NOT_CHECK, bold, reporting_errors

if TYPE_CHECKING:
    from specify_cli.storage.journal_stats import Count, Durations, Stats

_PERIODS: Final = 16
_A_SECOND: Final = 1_000_000


@click.command(short_help="Count requests, refusals and durations.")
@SINCE
@UNTIL
@JSON
def stats(*, since: int | None, until: int | None, as_json: bool) -> None:
    """Count the requests by command, error code and orchestrator, and show how long their answers took.

    50 % of the answers were decided within P50, 95 % within P95, 99 % within P99. DEPTH is how many requests had been
    received and not answered, on average; LONGEST the longest time from receiving a request to its answer. Percentiles and
    times are in seconds in the JSON data.

    Example: spec-kitty mailbox stats --since 24h
    """
    from specify_cli.storage import journal_stats
    from specify_cli.storage.journal_index import JournalIndex
    from specify_cli.storage.journal_queries import LineFilter

    wanted = LineFilter(since=since, until=until)
    with (
        reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json),
        progress_line.shown(unless=as_json),
    ):
        index = JournalIndex(layout_here())
        found = index.read(lambda it: journal_stats.stats(it, wanted, most_periods=_PERIODS))
    if as_json:
        json_reply.print_data(_data(found))
        return
    for line in _text(found):
        click.echo(line)


def _text(found: Stats) -> Iterator[str]:
    yield f"{found.requests:,} requests, {found.refused:,} refused"
    if not found.requests:
        return
    yield f"from {time_of(found.first)} to {time_of(found.last)}"
    head = ("COMMAND", "REQUESTS", "REFUSED", "P50", "P95", "P99", "LONGEST")
    pairs = zip(found.commands, found.durations, strict=True)
    yield from _table(head, [[*_cells(count), *_times(times)] for count, times in pairs])
    if found.codes:
        yield from _table(("REFUSED WITH", "REQUESTS"), [[it, f"{n:,}"] for it, n in found.codes])
    orchestrators = [_cells(it) for it in found.orchestrators]
    yield from _table(("ORCHESTRATOR", "REQUESTS", "REFUSED"), orchestrators)
    periods = [
        [
            time_of(it.start),
            f"{it.requests:,}",
            f"{it.refused:,}",
            f"{it.depth:.2f}",
            duration(it.longest) if it.requests else NOTHING,
        ]
        for it in found.periods
    ]
    yield from _table(("FROM", "REQUESTS", "REFUSED", "DEPTH", "LONGEST"), periods)


def _table(head: tuple[str, ...], rows: list[list[str]]) -> Iterator[str]:
    first, *others = aligned([head, *rows], numbers=range(1, len(head)))
    yield ""
    yield bold(first)
    yield from others


def _cells(count: Count) -> list[str]:
    return [count.name or NOTHING, f"{count.requests:,}", f"{count.refused:,}"]


def _times(times: Durations | None) -> list[str]:
    return [duration(it) for it in ((*times.percentiles, times.longest) if times else [None] * 4)]


def _data(found: Stats) -> dict[str, Any]:
    def counted(name: str, count: Count) -> dict[str, Any]:
        return {name: count.name, "requests": count.requests, "refused": count.refused}

    return {
        "requests": found.requests,
        "refused": found.refused,
        "commands": [
            counted("command", count) | _seconds(times)
            for count, times in zip(found.commands, found.durations, strict=True)
        ],
        "codes": [{"error_code": code, "requests": number} for code, number in found.codes],
        "orchestrators": [counted("orchestrator", it) for it in found.orchestrators],
        "periods": [
            {
                "from": _timestamp(it.start),
                "requests": it.requests,
                "refused": it.refused,
                "depth": round(it.depth, 3),
                "longest_s": it.longest / _A_SECOND,
            }
            for it in found.periods
        ],
    }


def _seconds(times: Durations | None) -> dict[str, float]:
    from specify_cli.storage.journal_stats import PERCENTILES

    if times is None:
        return {}
    pairs = zip(PERCENTILES, times.percentiles, strict=True)
    found = {f"p{percent}_s": it / _A_SECOND for percent, it in pairs}
    return {**found, "longest_s": times.longest / _A_SECOND}


def _timestamp(at: int) -> str:
    from specify_cli import clock
    from specify_cli.storage import journal_rows

    return clock.as_text(journal_rows.moment(at))
