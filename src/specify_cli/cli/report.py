"""`spec-kitty report`: write a report as one HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from specify_cli import clock, errors
from specify_cli.cli import json_reply
from specify_cli.cli.client import envelope_of, layout_here, settled
from specify_cli.cli.journal_filters import Moment
from specify_cli.cli.options import JSON
from specify_cli.cli.output import COULD_NOT_CHECK, log, reporting_errors, say


@click.command()
@click.option(
    "--html", "file", type=click.Path(path_type=Path), required=True, help="File to write."
)
@click.option("--mission", help="Report on one mission. Default: all missions.")
@click.option("--since", type=Moment(), help="Leave out what is older: 2d, or a UTC time.")
@click.option(
    "--rows",
    type=click.IntRange(0, 100_000),
    default=10_000,
    show_default=True,
    help="Newest requests to list.",
)
@click.option("--force", is_flag=True, help="Replace a file that is not a report.")
@JSON
def report(
    *, file: Path, mission: str | None, since: int | None, rows: int, force: bool, as_json: bool
) -> None:
    """Write a report on the project as one HTML file that needs no network.

    It contains the board, a timeline and the dependencies of each mission, refusals by reason, latency, a searchable journal, and
    the result of `mailbox verify`. Notes, prompts, reviews and redacted texts are left out. A new file is readable only by its
    owner.

    Example: spec-kitty report --html report.html --since 7d
    """
    from specify_cli.cli import report_file, report_page
    from specify_cli.storage import journal_rows

    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        report_file.require_replaceable(file, force=force)
    start = None if since is None else clock.as_text(journal_rows.moment(since))
    envelope = envelope_of("gather-report", mission=mission, since=start, rows=rows)
    data = settled(envelope, as_json=as_json)
    verdict = _verdict(as_json=as_json)
    page = report_page.page(data, verdict, {"mission": mission, "since": start})
    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        report_file.write(file, page, force=force)
    _tell(file, len(page), data=data, verdict=verdict, as_json=as_json)


def _verdict(*, as_json: bool) -> dict[str, Any]:
    """Return what `mailbox verify` finds; `problem` says why it could not run."""
    from specify_cli.cli import mailbox, progress_line

    with progress_line.shown(unless=as_json):
        try:
            breaks, notes = mailbox.verified(layout_here())
        except errors.SpecKittyError as error:
            return {"problem": error.message, "breaks": [], "notes": []}
    return {"problem": None, "breaks": breaks, "notes": notes}


def _tell(
    file: Path, size: int, *, data: dict[str, Any], verdict: dict[str, Any], as_json: bool
) -> None:
    total, listed = data["journal"]["total"], len(data["journal"]["rows"])
    problems = [*verdict["breaks"], *filter(None, [verdict["problem"]])]
    if as_json:
        json_reply.print_data(
            {
                "file": str(file),
                "bytes": size,
                "head": data["head"],
                "requests": total,
                "listed": listed,
                "problems": problems,
            }
        )
        return
    some = f" (the newest {listed} are listed)" if listed < total else ""
    say(f"wrote {file}: missions: {len(data['missions'])}, requests: {total}{some}")
    if problems:
        log(f"warning: the record is not sound: {problems[0]}")
        log("next: spec-kitty mailbox verify")
