"""Options that select journal lines, shared by the commands that query the journal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from specify_cli import clock
from specify_cli.cli import ages
from specify_cli.cli.mailbox_prune import AGE, SECONDS

if TYPE_CHECKING:
    from specify_cli.storage.journal_index import JournalIndex
    from specify_cli.storage.journal_queries import LineFilter


class Moment(click.ParamType[int]):
    """A time, or how long ago it was, in microseconds since the epoch."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Parse the time.

        Raises:
            click.BadParameter: It is neither a timestamp nor a number with a unit.
        """
        from specify_cli.storage import journal_rows

        ago = AGE.fullmatch(str(value))
        moment = ages.moment(str(value))
        if ago is not None:
            moment = clock.now() - timedelta(seconds=int(ago[1]) * SECONDS[ago[2]])
        if moment is None:
            self.fail(
                "give an age with the unit s, m, h, d or w, such as 2h, or a UTC time such as 2026-11-22T18:00",
                param,
                ctx,
            )
        return journal_rows.microseconds(moment.isoformat()) or 0


SINCE: Final = click.option(
    "--since", type=Moment(), help="Only from this time on: 2h, or a UTC time."
)
UNTIL: Final = click.option("--until", type=Moment(), help="Only up to this time.")
_FILTERS: Final = (
    click.option("--mission", help="Only of this mission."),
    click.option("--wp", help="Only of this package."),
    click.option("--actor", help="Only of this actor."),
    click.option("--orchestrator", help="Only of this mailbox, or 'cli'."),
    click.option("--command", help="Only this command, such as transition."),
    click.option("--failed", is_flag=True, help="Only refused requests."),
    click.option("--code", help="Only requests refused with this error code."),
    SINCE,
    UNTIL,
)


def filtered(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of all filters to the command."""
    for option in reversed(_FILTERS):
        function = option(function)
    return function


def line_filter(index: JournalIndex, given: dict[str, Any]) -> LineFilter:
    """Return the filter that the options give."""
    from specify_cli.storage.journal_queries import LineFilter

    wanted = dict(given)
    if wanted["mission"] is not None:
        wanted["mission"] = index.folder_of(wanted["mission"])
    if wanted["command"] is not None:
        wanted["command"] = wanted["command"].rpartition(".")[2]
    if wanted["code"] is not None:
        wanted["code"] = wanted["code"].upper()
    return LineFilter(**wanted)
