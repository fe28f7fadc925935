"""`spec-kitty mailbox head`: what the host's record comes to."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from specify_cli.cli.complaining import COULD_NOT_CHECK, REFUSED, complaining, layout_here, log

if TYPE_CHECKING:
    from specify_cli.storage.record_heads import RecordHead


class Head(click.ParamType["RecordHead"]):
    """What an earlier call has printed."""

    name = "head"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> RecordHead:
        """The head. Raises: click.BadParameter."""
        from specify_cli.storage import record_heads

        found = record_heads.RecordHead.read(str(value))
        if found is None:
            self.fail("give the whole line that 'spec-kitty mailbox head' has printed", param, ctx)
        return found


@click.command()
@click.option("--expect", type=Head(), help="What an earlier call has printed.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of words.")
def head(*, expect: RecordHead | None, as_json: bool) -> None:
    """Print what the host's record comes to: its id, its newest entry, and the hash over all of it.

    Whoever keeps the line where the host cannot reach can tell later, with --expect, whether an entry was changed or
    taken away since. Exit 0: as expected. 1: not so. 2: could not be checked. As JSON: record, position, head, and with
    --expect, complaint.

    Example: spec-kitty mailbox head
    """
    from specify_cli.storage import record_heads, records

    with complaining(exit_code=COULD_NOT_CHECK):
        record = records.found(layout_here())
        now = record_heads.newest(record) if record else None
        if record is None or now is None:
            log("nothing is recorded yet")
            sys.exit(COULD_NOT_CHECK if expect else 0)
        complaint = record_heads.difference(record, expect) if expect else ""
        if expect and not complaint:
            complaint = next(iter(record.faults()), "")
    told = {"record": now.record_id, "position": now.position, "head": now.head}
    click.echo(json.dumps(told | {"complaint": complaint} if expect else told) if as_json else now)
    if complaint and not as_json:
        log(complaint)
    sys.exit(REFUSED if complaint else 0)
