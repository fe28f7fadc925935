"""`spec-kitty mailbox head`: the newest entry of the record and the hash over all entries."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from specify_cli import errors
from specify_cli.cli import json_reply
from specify_cli.cli.client import layout_here
from specify_cli.cli.options import JSON
from specify_cli.cli.output import COULD_NOT_CHECK, REFUSED, log, reporting_errors

if TYPE_CHECKING:
    from specify_cli.storage.record_heads import RecordHead


class Head(click.ParamType["RecordHead"]):
    """A line printed by an earlier call."""

    name = "head"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> RecordHead:
        """Parse the line.

        Raises:
            click.BadParameter: It is not such a line.
        """
        from specify_cli.storage import record_heads

        found = record_heads.RecordHead.read(str(value))
        if found is None:
            self.fail("give a whole line printed by 'spec-kitty mailbox head'", param, ctx)
        return found


@click.command(short_help="Print a hash over the whole record.")
@click.option("--expect", type=Head(), help="Line printed by an earlier call.")
@JSON
def head(*, expect: RecordHead | None, as_json: bool) -> None:
    """Print the head of the host's record: its id, its newest entry and the hash over all entries.

    Keep the line where the host cannot change it. With --expect, a later call reports whether an entry was changed or
    removed since. Exit 0: as expected. 1: changed. 2: the check could not run. JSON data: record, position, head, and with
    --expect, complaint.

    Example: spec-kitty mailbox head
    """
    from specify_cli.storage import record_heads, records

    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        record = records.found(layout_here())
        now = record_heads.newest(record) if record else None
        if record is None or now is None:
            if expect:
                raise errors.StateUnreadable("the record is empty")
            if as_json:
                json_reply.print_data({"record": None, "position": 0, "head": None})
            else:
                log("the record is empty")
            sys.exit(0)
        complaint = record_heads.difference(record, expect) if expect else ""
        if expect and not complaint:
            complaint = next(iter(record.faults()), "")
    if as_json:
        report = {"record": now.record_id, "position": now.position, "head": now.head}
        json_reply.print_data(report | {"complaint": complaint} if expect else report)
    else:
        click.echo(now)
        if complaint:
            log(complaint)
            log(
                "next: spec-kitty doctor; to go back to the record that you expect, restore a backup of it ('spec-kitty restore --help')"
            )
    sys.exit(REFUSED if complaint else 0)
