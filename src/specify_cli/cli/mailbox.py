"""`spec-kitty mailbox`: run the worker; inspect and verify the mailbox."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from specify_cli import errors
from specify_cli.cli import json_reply, progress_line
from specify_cli.cli.client import layout_here
from specify_cli.cli.mailbox_access import access
from specify_cli.cli.mailbox_dead_letters import dead_letters
from specify_cli.cli.mailbox_head import head
from specify_cli.cli.mailbox_install import install_service
from specify_cli.cli.mailbox_prune import prune
from specify_cli.cli.mailbox_reload import reload_config
from specify_cli.cli.mailbox_serve import serve
from specify_cli.cli.mailbox_show import show
from specify_cli.cli.mailbox_stats import stats
from specify_cli.cli.mailbox_status import status
from specify_cli.cli.mailbox_tail import tail
from specify_cli.cli.options import JSON, take_project
from specify_cli.cli.output import COULD_NOT_CHECK, REFUSED, log, reporting_errors

if TYPE_CHECKING:
    from specify_cli.mailbox.layout import MailboxLayout


@click.group()
def mailbox() -> None:
    """Run the mailbox worker; inspect and verify the mailbox.

    Every command takes --project DIR, a folder of the project.

    Example: spec-kitty mailbox serve
    """


@mailbox.command(short_help="Verify that record, journal and replies agree.")
@JSON
def verify(*, as_json: bool) -> None:
    """Verify that record, journal, replies, logs and the host's commits agree.

    Inconsistencies are printed to stdout, one per line; notes, such as a commit by another clone's host, go to stderr.
    Exit 0: sound. 1: inconsistencies were found. 2: the check could not run. JSON data: is_sound, breaks, notes (lists of
    strings).

    Example: spec-kitty mailbox verify
    """
    from specify_cli.mailbox import printable

    with (
        reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json),
        progress_line.shown(unless=as_json),
    ):
        layout = layout_here()
        breaks, notes = verified(layout)
    if as_json:
        json_reply.print_data({"is_sound": not breaks, "breaks": breaks, "notes": notes})
    else:
        for line in breaks:
            click.echo(printable.printable(line))
        for line in notes:
            log(f"note: {line}")
        click.echo(
            f"{len(breaks)} {'inconsistency' if len(breaks) == 1 else 'inconsistencies'}"
            if breaks
            else "sound",
            err=True,
        )
        if breaks:
            log("next: spec-kitty doctor")
    sys.exit(REFUSED if breaks else 0)


def verified(layout: MailboxLayout) -> tuple[list[str], list[str]]:
    """Return the inconsistencies and the notes."""
    from specify_cli import bootstrap
    from specify_cli.mailbox import verification

    try:
        bootstrap.prove_current(layout)
    except errors.RecordBehind as behind:
        # All other differences follow from this one.
        return [*verification.open_journal(layout).faults(), behind.message], []
    except errors.StateUnreadable:
        """The damage is reported below."""
    breaks = [*verification.find_breaks(layout), *bootstrap.find_missing_events(layout)]
    found = bootstrap.find_discrepancies(layout)
    breaks += [it.what for it in found if it.is_break]
    notes = [it.what for it in found if not it.is_break]
    # Damaged data may be unreadable.
    return breaks, notes + (verification.find_notes(layout) if not breaks else [])


for command in (
    access,
    dead_letters,
    head,
    install_service,
    prune,
    reload_config,
    serve,
    show,
    stats,
    status,
    tail,
):
    mailbox.add_command(command)
take_project(mailbox)
