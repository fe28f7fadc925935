"""`spec-kitty mailbox prune`: old replies make room."""

from __future__ import annotations

import re

import click

from specify_cli.cli.asking import ask

AGE = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


class Age(click.ParamType[int]):
    """A number and its unit, as seconds."""

    name = "age"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """The seconds. Raises: click.BadParameter."""
        found = AGE.fullmatch(str(value))
        if found is None:
            self.fail("give a number and s, m, h, d or w, such as 30d", param, ctx)
        return int(found[1]) * SECONDS[found[2]]


@click.command()
@click.option("--older-than", type=Age(), required=True, help="Age, such as 30d, 12h or 8w.")
@click.option("--dry-run", is_flag=True, help="Remove nothing, say how many it would be.")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def prune(*, older_than: int, dry_run: bool, as_json: bool) -> None:
    """Remove old replies that the journal can bring back.

    The same request sent again brings its reply back.

    Example: spec-kitty mailbox prune --older-than 30d --dry-run
    """
    command = "count-old-replies" if dry_run else "prune-replies"
    data = ask(command, as_json=as_json, older_than_s=older_than)
    if as_json:
        return
    done = "would be removed" if dry_run else "removed"
    click.echo(f"{data['replies']} replies {done}")
    for identity, count in sorted(data["by_orchestrator"].items()):
        click.echo(f"  {identity}: {count}")
