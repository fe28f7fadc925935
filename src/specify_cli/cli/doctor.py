"""`spec-kitty doctor`: problems of the project, where they are, and how to repair them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from specify_cli.cli import progress_line, sandbox_report
from specify_cli.cli.client import actor_or_user, envelope_of, print_envelope
from specify_cli.cli.options import JSON
from specify_cli.mailbox.printable import printable

SOUND, PROBLEMS, COULD_NOT_LOOK = 0, 1, 2
SHOWN_OF_EACH = 5
"""Findings of one kind that are shown; the others are counted."""


@click.command()
@click.option("--mission", help="Check only this mission. Default: all missions.")
@click.option("--fix", is_flag=True, help="Repair what is safe to repair.")
@JSON
@click.option("--sandbox", metavar="DIR", help="Check the sandbox that this command runs in.")
def doctor(*, mission: str | None, fix: bool, as_json: bool, sandbox: str | None) -> None:
    """Check the project for problems; print the file, line and repair of each.

    Exit 0: no problems. 1: problems were found. 2: the check could not run.

    --fix repairs logs, states and lanes.json (on another branch, only those of --mission). It
    removes byte order marks, sets unfinished files aside, makes the host's folder private, repairs
    workspaces after a move of the project, prunes linked worktrees that are gone, and copies a status in front matter to the log. Originals are
    kept in private/attic next to the record.

    --sandbox reports, inside a sandbox, whether a mailbox (DIR or INBOX:OUTBOX) or a workspace
    (DIR) can be used. Exit 1: it cannot, or the host can be changed. JSON: sandbox, can_work,
    checks (check, verdict, what, repair).

    Example: spec-kitty doctor --fix
    """
    if sandbox is not None:
        if mission or fix:
            raise click.UsageError("--sandbox cannot be combined with --mission or --fix.")
        sys.exit(sandbox_report.report(sandbox, as_json=as_json))
    with progress_line.shown(unless=as_json):
        if fix:
            envelope = envelope_of("repair", mission=mission, actor=actor_or_user(None))
        else:
            envelope = envelope_of("diagnose", mission=mission)
    data = envelope["data"]
    if as_json:
        print_envelope(envelope)
    elif envelope["success"]:
        _show(data)
    else:
        click.echo(printable(f"{envelope['error_code']}: {data['message']}"), err=True)
    if not envelope["success"]:
        sys.exit(COULD_NOT_LOOK)
    sys.exit(PROBLEMS if data["problems"] else SOUND)


def _show(data: Mapping[str, Any]) -> None:
    for finding in data["repaired"]:
        click.echo(f"{_place(finding)}: repaired: {printable(finding['what'])}")
    shown: Counter[tuple[str, str]] = Counter()
    for finding in data["findings"]:
        kind = (finding["check"], finding["severity"])
        shown[kind] += 1
        if shown[kind] <= SHOWN_OF_EACH:
            what = printable(finding["what"])
            click.echo(f"{_place(finding)}: {finding['severity']}: {what} [{finding['check']}]")
            click.echo(f"    {printable(finding['repair'])}")
    for (check, severity), count in shown.items():
        if count > SHOWN_OF_EACH:
            more = f"{count - SHOWN_OF_EACH} more of [{check}]"
            click.echo(
                f"{severity}: {more}; --json lists all of them, --mission only those of one mission"
            )
    problems = data["problems"]
    counted = "1 problem" if problems == 1 else f"{problems} problems"
    click.echo(counted if problems else "sound", err=True)


def _place(finding: Mapping[str, Any]) -> str:
    line = f":{finding['line']}" if finding["line"] else ""
    return printable(finding["file"]) + line
