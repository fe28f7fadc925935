"""`spec-kitty doctor`: what is not as it should be, where, and how to repair it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click

from specify_cli.cli import progress_line, sandbox_report
from specify_cli.cli.client import actor_or_user, envelope_of, print_envelope
from specify_cli.mailbox.printable import printable

SOUND, PROBLEMS, COULD_NOT_LOOK = 0, 1, 2
SHOWN_OF_EACH = 5
"""So many findings of a kind are shown, and the rest is counted."""


@click.command()
@click.option("--mission", help="Look at this one and what all share; else at every mission.")
@click.option("--fix", is_flag=True, help="Repair what can be repaired without losing anything.")
@click.option("--json", "as_json", is_flag=True, help="The envelope, or the report, as JSON.")
@click.option("--sandbox", metavar="DIR", help="Look at the sandbox that this runs in, instead.")
def doctor(*, mission: str | None, fix: bool, as_json: bool, sandbox: str | None) -> None:
    """Name what is not as it should be: file and line, and how to repair it.

    Exit 0: sound, at most notes. 1: problems. 2: could not look.

    --fix mends logs, states and lanes.json, on another branch those of --mission alone; it takes
    byte order marks away, puts unfinished files aside, makes the host's own folder private, has git
    forget lane worktrees that are gone, and takes a status of front matter into the log. Originals
    are kept in private/attic beside the record.

    --sandbox says, inside a sandbox, what can be done with a mailbox (DIR or INBOX:OUTBOX) or in
    a workspace (DIR). Exit 1: too little, or the host can be changed. As JSON: sandbox, can_work,
    checks (check, verdict, what, repair).

    Example: spec-kitty doctor --fix
    """
    if sandbox is not None:
        if mission or fix:
            raise click.UsageError("--sandbox looks at no mission and repairs nothing.")
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
            more = f"{count - SHOWN_OF_EACH} more of the kind [{check}]"
            click.echo(f"{severity}: {more}; --json lists all, --mission those of one mission")
    problems = data["problems"]
    counted = "1 problem" if problems == 1 else f"{problems} problems"
    click.echo(counted if problems else "sound", err=True)


def _place(finding: Mapping[str, Any]) -> str:
    line = f":{finding['line']}" if finding["line"] else ""
    return printable(finding["file"]) + line
