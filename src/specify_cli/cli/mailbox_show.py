"""`spec-kitty mailbox show`: tell all about one request."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import click

from specify_cli import credentials, errors
from specify_cli.cli import json_reply, progress_line
from specify_cli.cli.client import layout_here
from specify_cli.cli.options import JSON
from specify_cli.cli.output import COULD_NOT_CHECK, REFUSED, log, reporting_errors

if TYPE_CHECKING:
    from specify_cli.mailbox.request_lookup import RequestLookup

_LISTED: Final = 10


@click.command(short_help="Show the complete history of a request.")
@click.argument("correlation_id", metavar="ID")
@click.option("--orchestrator", help="Only of this mailbox, if several have used the id.")
@JSON
def show(*, correlation_id: str, orchestrator: str | None, as_json: bool) -> None:
    """Show the complete history of a request: its caller, policy, answer, events, commits and reply.

    ID is the correlation id, the id of an event that the request caused, or the id of its dead letter; the beginning of
    one of these is enough. It may also be the number of a line in 'spec-kitty mailbox tail', or the name of a file that
    became a dead letter. A request without an answer is shown with its state. Exit 1: no request matches, or several do. JSON
    data: state ('answered', 'waiting', 'taken', 'parked', 'in progress', 'begun' or 'set aside'); for an answered request
    also line (its journal line), events, reply, letter, conflicts, waited_s and took_s.

    Example: spec-kitty mailbox show 01JD8Z6W3M4Y6T1F8B2Q5R7X9N
    """
    from specify_cli.mailbox import request_lookup

    with (
        reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json),
        progress_line.shown(unless=as_json),
    ):
        lookup = request_lookup.RequestLookup(layout_here())
        found = lookup.find(correlation_id, orchestrator=orchestrator)
        if len(found) != 1:
            _refuse(lookup, correlation_id, found, as_json=as_json)
        story = lookup.whole(found[0]) if "row" in found[0] else found[0]
    if as_json:
        json_reply.print_data(story)
    else:
        _tell(story)


def _tell(story: Mapping[str, Any]) -> None:
    from specify_cli.cli import request_story

    for line in request_story.lines(story):
        click.echo(line)
    if "has_worker" in story:
        log("next: spec-kitty mailbox status")


def _refuse(
    lookup: RequestLookup, name: str, found: list[dict[str, Any]], *, as_json: bool
) -> None:
    """End the process: no request fits the name, or several do."""
    candidates = [
        f"{it['correlation_id']}  {it['orchestrator']}  {it['state']}" for it in found[:_LISTED]
    ]
    given = credentials.quoted(name)
    if len(found) > _LISTED:
        candidates.append(f"and {len(found) - _LISTED} more")
    if found:
        problem = f"{len(found)} requests match {given}: give more of the id, or --orchestrator"
    else:
        problem = f"there is no request {given}{lookup.nearest(name)}"
    if as_json:
        json_reply.print_refusal(errors.UsageError("; ".join((problem, *candidates))))
    else:
        for line in (problem, *(f"  {it}" for it in candidates)):
            log(line)
        if not found:
            log("next: spec-kitty mailbox tail --no-follow")
            log("next: spec-kitty mailbox dead-letters list")
    sys.exit(REFUSED)
