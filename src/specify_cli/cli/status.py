"""`spec-kitty status`: the status board of a mission."""

from __future__ import annotations

import re
import sys
from typing import Any

import click

from specify_cli import clock, errors
from specify_cli.cli.client import complain, envelope_of, print_envelope, refuse, settled
from specify_cli.cli.mailbox_prune import Age
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.output import say
from specify_cli.cli.prompting import Chosen, mission_or_default
from specify_cli.cli.prompts import feedback_lines
from specify_cli.nearest import nearest

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
    """Show the status lane of every work package of MISSION, its holder and since when.

    Default: the only open mission. WP, such as WP01, shows one package with the changes that its
    review requested. --stale lists silent holders and how to release their claims. A wide terminal
    shows one column per status lane, a narrow one a list, other output one line per package.

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
    envelope = envelope_of("mission-state", mission=chosen.slug)
    data = settled(envelope, as_json=as_json, advice="spec-kitty mission list")
    if wp_id:
        _check_known(wp_id, data, chosen, as_json=as_json)
    if as_json:
        print_envelope(envelope)
    elif stale is not None:
        _show_stale(data, chosen, for_s=stale)
    else:
        _show_package(data, wp_id) if wp_id else _show(data)
        _warn(data)


def _watch(slug: str, *, as_json: bool) -> None:
    from specify_cli.cli import board_watch

    board_watch.watch(slug, as_json=as_json)


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


def _check_known(wp_id: str, data: dict[str, Any], chosen: Chosen, *, as_json: bool) -> None:
    known = [x["wp_id"] for x in data["work_packages"]]
    if wp_id not in known:
        problem = (
            f"there is no work package {wp_id}; the packages are: {', '.join(known) or 'none'}"
        )
        near = nearest(wp_id, known)
        refuse(
            "status",
            errors.WorkPackageNotFound(problem),
            as_json=as_json,
            advice=chosen.next(f"status {near}") if near else f"spec-kitty status {chosen.slug}",
        )


def _show_package(data: dict[str, Any], wp_id: str) -> None:
    from specify_cli.cli import board

    [package] = (x for x in data["work_packages"] if x["wp_id"] == wp_id)
    _, *lines = board.plain_lines(data | {"work_packages": [package]}, now=clock.now())
    for line in [*lines, *feedback_lines(package.get("feedback"))]:
        say(line)
