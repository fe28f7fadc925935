"""`spec-kitty mailbox status`: whether the mailbox is served, and what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specify_cli.cli import json_reply
from specify_cli.cli.client import layout_here
from specify_cli.cli.options import JSON
from specify_cli.cli.output import COULD_NOT_CHECK, log, reporting_errors, say

if TYPE_CHECKING:
    from specify_cli.mailbox.health_facts import Facts, MailboxFacts
    from specify_cli.mailbox.health_problems import Problem

METRICS = click.option(
    "--metrics",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    metavar="FILE",
    help="Write metrics for Prometheus to FILE (*.prom).",
)

_UNITS = ("bytes", "kB", "MB", "GB", "TB")
_STEP = 1000
_COLUMNS = "{:<16} {:<9} {:>8} {:>9} {:>12} {:>13}"


@click.command(short_help="Show whether the mailbox is served, and what is wrong.")
@click.option(
    "--stuck-after",
    type=click.FloatRange(min=1),
    default=300.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a request may be in progress.",
)
@METRICS
@JSON
def status(*, stuck_after: float, metrics: Path | None, as_json: bool) -> None:
    """Show whether a worker serves the mailbox, what it does, and what is wrong.

    Each problem is described, with commands to run next. The answer comes within two seconds, even if
    the worker, a disk or the record hangs; the message names the one that does not respond.

    Exit 0: well. 1: degraded: requests are answered, but something needs attention. 2: down: requests
    are not answered, or the state could not be checked. With --metrics: 0 once they are written.

    Example: spec-kitty mailbox status --stuck-after 60 --json
    """
    from specify_cli import bootstrap
    from specify_cli.mailbox import health, health_facts, health_problems

    if metrics and as_json:
        raise click.UsageError("--metrics cannot be combined with --json.")
    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        layout = layout_here()
        facts = health_facts.collect(layout, lambda: bootstrap.read_config(layout.root).digest)
        found = health.problems(facts, stuck_after_s=stuck_after)
        if metrics:
            _write_metrics(facts, found, metrics)
            return
    verdict = health.health(found)
    if as_json:
        json_reply.print_data(_report(facts, found))
    else:
        _show(facts, found)
    sys.exit(health_problems.EXIT_CODES[verdict])


def _write_metrics(facts: Facts, found: list[Problem], path: Path) -> None:
    from specify_cli.mailbox import metrics, metrics_file

    text = metrics.render(facts, found)
    if str(path) == "-":
        click.echo(text, nl=False)
    else:
        metrics_file.write(path, text)


def _report(facts: Facts, found: list[Problem]) -> dict[str, Any]:
    from specify_cli.mailbox import health, health_problems

    worker = facts.worker or {}
    mailboxes = [_mailbox(it) for it in facts.mailboxes]
    of_default = {key: value for key, value in mailboxes[0].items() if key != "identity"}
    return {
        "health": health.health(found),
        "problems": [asdict(it) for it in found],
        **of_default,
        "process": _process(facts),
        "in_progress": [asdict(it) for it in health_problems.in_progress(facts)],
        "last_error": worker.get("last_error"),
        "disks": [it._asdict() for it in facts.disks],
        "record": facts.record,
        "journal_bytes": facts.journal_bytes,
        "config": worker.get("config"),
        "unanswered": sorted({str(it) for it in facts.hanging.values()}),
        "warnings": [it.what for it in found],
        "mailboxes": mailboxes,
    }


def _mailbox(it: MailboxFacts) -> dict[str, Any]:
    return {
        "identity": it.paths.identity,
        "worker_is_alive": it.is_alive,
        "depth_now": it.depth_now,
        "worker": it.beat,
    }


def _process(facts: Facts) -> dict[str, Any] | None:
    from specify_cli.mailbox import health_problems

    beat = health_problems.last_beat(facts)
    if not facts.is_alive and not facts.holder:
        return None
    return {
        "pid": facts.holder.pid if facts.holder else beat.get("pid"),
        "host_name": beat.get("host_name"),
        "version": (facts.worker or {}).get("version"),
        "started_at": beat.get("started_at"),
        "beat_at": beat.get("beat_at"),
        "is_suspended": facts.is_suspended,
    }


# Text.


def _show(facts: Facts, found: list[Problem]) -> None:
    for problem in found:
        say(f"{problem.health}: {problem.what}")
        for command in problem.next:
            log(f"next: {command}")
    process = _process(facts)
    if process is not None:
        version = f", version {process['version']}" if process["version"] else ""
        since = f", since {process['started_at']}" if process["started_at"] else ""
        on = f" on {process['host_name']}" if process["host_name"] else ""
        say(f"{'' if found else 'well: '}process {process['pid']}{on}{version}{since}")
    for line in (*_table(facts), *_details(facts)):
        say(line)


def _table(facts: Facts) -> Iterator[str]:
    from specify_cli.mailbox import health_problems

    busy = [it.identity for it in health_problems.in_progress(facts)]
    yield _COLUMNS.format("MAILBOX", "STATE", "WAITING", "OLDEST", "IN PROGRESS", "DEAD LETTERS")
    for it in facts.mailboxes:
        beat = it.beat or {}
        oldest = beat.get("oldest_age_s") if it.is_alive else None
        begun = busy.count(it.paths.identity)
        yield _COLUMNS.format(
            it.paths.identity,
            _state(it, facts),
            "?" if it.depth_now is None else max(0, it.depth_now - begun),
            f"{oldest:.0f} s" if isinstance(oldest, (int, float)) else "-",
            begun,
            str(beat.get("dead_letters", "-")),
        ).rstrip()


def _state(it: MailboxFacts, facts: Facts) -> str:
    from specify_cli.mailbox import health_problems

    if {it.paths.inbox, it.paths.outbox} & {*facts.hanging.values()}:
        return "hangs"
    if facts.is_suspended:
        return "suspended"
    if not facts.is_alive:
        return "-"
    if it.paths.identity in health_problems.stalled(facts):
        return "stalled"
    # A mailbox whose grant was withdrawn keeps its last heartbeat.
    if it.beat is None or it.beat.get("state") == "stopped" or it.beat.get("commands") == []:
        return "no grant"
    return str(it.beat.get("state")) if it.is_alive else "no answer"


def _details(facts: Facts) -> Iterator[str]:
    from specify_cli.mailbox import health_problems

    for it in health_problems.in_progress(facts):
        where = f"{it.age_s:.0f} s, in mailbox {it.identity}"
        yield f"in progress: {it.correlation_id} since {it.since}, {where}"
    reads = sum(it.parked_reads for it in facts.mailboxes)
    if reads:
        yield f"parked reads: {reads}"
    if error := (facts.worker or {}).get("last_error"):
        where = f" in mailbox {error['identity']}" if error.get("identity") else ""
        yield f"last error: {error.get('at')}{where}: {error.get('what')}"
    if record := facts.record:
        head = f"{record['record']}:{record['position']}:{record['head']}"
        yield f"record: {head}, {_size(record['size_bytes'])}; journal {_size(facts.journal_bytes)}"
    for disk in facts.disks:
        yield f"disk: {_size(disk.free_bytes)} of {_size(disk.size_bytes)} free at {disk.path}"


def _size(count: int | None) -> str:
    if count is None:
        return "?"
    value, units = float(count), iter(_UNITS)
    unit = next(units)
    while value >= _STEP and unit != _UNITS[-1]:
        value, unit = value / _STEP, next(units)
    return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
