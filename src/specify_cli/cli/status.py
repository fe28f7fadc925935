"""`spec-kitty status`: the status board of a mission."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from specify_cli import clock
from specify_cli.cli.client import ask, complain, envelope_of, print_envelope, settled
from specify_cli.cli.mailbox_prune import Age
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.output import say
from specify_cli.cli.prompting import Chosen, mission_or_default, package_id

PACKAGE = re.compile(r"WP[0-9]+", re.ASCII | re.IGNORECASE)


@click.command()
@click.argument("named", metavar="[MISSION | WP]", required=False)
@click.option("--watch", is_flag=True, help="Update the board on changes, until Ctrl-C.")
@click.option("--stale", type=Age(), help="List claims without a sign of life for 30m, 2h, 3d.")
@MISSION
@JSON
def status(
    *, named: str | None, mission: str | None, watch: bool, stale: int | None, as_json: bool
) -> None:
    """Show each work package of MISSION: its status lane, its holder, and since when.

    Default: the only open mission. WP, such as WP01, shows one package, as
    `spec-kitty show` does. --stale lists silent holders and how to release their claims. A wide terminal
    shows one column per status lane with packages, a narrow one a list, other output one line per
    package.

    Example: spec-kitty status 001-search --watch
    """
    wp_id = named.upper() if named and PACKAGE.fullmatch(named) else None
    named = None if wp_id else named
    if mission and named and mission != named:
        complain("status", f"name one mission, not both {mission} and {named}", as_json=as_json)
    if wp_id and (watch or stale is not None):
        flag = "--watch" if watch else "--stale"
        complain(
            "status", f"{flag} applies to a whole mission: leave out the package", as_json=as_json
        )
    if stale is not None and (watch or as_json):
        problem = "--stale cannot be combined with --watch or --json: the JSON reply has last_sign_of_life"
        complain("status", problem, as_json=as_json)
    chosen = mission_or_default("status", mission or named, as_json=as_json)
    if watch:
        _watch(chosen.slug, as_json=as_json)
        return
    if wp_id:
        _show_package(chosen, wp_id, as_json=as_json)
        return
    envelope = envelope_of("mission-state", mission=chosen.slug)
    data = settled(envelope, as_json=as_json)
    if as_json:
        print_envelope(envelope)
    elif stale is not None:
        _show_stale(data, chosen, for_s=stale)
    else:
        _show(data)
        _warn(data)


def _watch(slug: str, *, as_json: bool) -> None:
    from specify_cli.cli import board_watch

    board_watch.watch(slug, as_json=as_json)


def _show_package(chosen: Chosen, wp_id: str, *, as_json: bool) -> None:
    from specify_cli.cli import package_shown

    data = ask("show-package", as_json=as_json, mission=chosen.slug, wp=package_id(wp_id, chosen))
    if not as_json:
        package_shown.show(data, chosen)


def _show(data: dict[str, Any]) -> None:
    from specify_cli.cli import board

    now = clock.now()
    if not sys.stdout.isatty():
        for line in board.plain_lines(data, now=now):
            click.echo(line)
        return
    console = board.terminal()
    console.print(board.board(data, now=now, width=console.width))


def _warn(data: dict[str, Any]) -> None:
    for warning in data.get("warnings", ()):
        say(f"warning: {warning}", is_error=True)


def _show_stale(data: dict[str, Any], chosen: Chosen, *, for_s: int) -> None:
    from specify_cli.cli import release, stale_claims

    lines = stale_claims.stale_lines(data, for_s=for_s, now=clock.now(), mission=chosen)
    is_held = any(package["lane"] in release.RELEASABLE for package in data["work_packages"])
    nothing = (
        f"every holder has shown a sign of life in the last {for_s} s"
        if is_held
        else "nobody holds a package"
    )
    for line in list(lines) or [nothing]:
        say(line)
