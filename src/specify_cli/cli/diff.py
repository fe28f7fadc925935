"""`spec-kitty diff`: show what the work on a package changes."""

from __future__ import annotations

import click

from specify_cli.cli import work_shown
from specify_cli.cli.client import ask
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.output import say
from specify_cli.cli.prompting import mission_or_default, package_or_question


@click.command()
@click.argument("wp", required=False)
@click.option("--stat", is_flag=True, help="Only count the changed lines of each file.")
@MISSION
@JSON
def diff(*, wp: str | None, stat: bool, mission: str | None, as_json: bool) -> None:
    """Show what the work on the package WP changes, compared with the commit where it began.

    The work is the approved commit, else the submitted one, else the newest commit in the
    workspace, whatever the state of the package. On a terminal, the diff is shown in your pager.
    In a workspace, WP may be left out.

    Example: spec-kitty diff WP01 --stat
    """
    chosen = mission_or_default("diff", mission, as_json=as_json)
    wp_id = package_or_question("diff", wp, mission=chosen, as_json=as_json)
    data = ask("show-diff", as_json=as_json, mission=chosen.slug, wp=wp_id, stat=stat)
    if as_json:
        return
    if data["commit"] is None:
        say(f"{data['wp_id']} is {data['lane']} and has no commit of its own", is_error=True)
    elif not data["diff"]:
        say(f"{data['wp_id']}: its commit changes no file", is_error=True)
    else:
        work_shown.page(data, is_summary=stat)
    files, total = data["uncommitted"], data["uncommitted_total"]
    if files:
        more = f" and {total - len(files)} more" if total > len(files) else ""
        say(f"not committed, and not shown: {', '.join(files)}{more}", is_error=True)
    for problem in data["problems"]:
        say(f"warning: {problem}", is_error=True)
