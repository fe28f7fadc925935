"""`spec-kitty show`: show a package."""

from __future__ import annotations

import click

from specify_cli.cli import package_shown
from specify_cli.cli.client import ask
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.prompting import mission_or_default, package_or_question


@click.command()
@click.argument("wp", required=False)
@MISSION
@JSON
def show(*, wp: str | None, mission: str | None, as_json: bool) -> None:
    """Show the package WP: its state and holder, what it waits for, its files and its last review.

    `spec-kitty log WP` shows its history, `spec-kitty diff WP` what its work changes.
    In a workspace, WP may be left out.

    Example: spec-kitty show WP01
    """
    chosen = mission_or_default("show", mission, as_json=as_json)
    wp_id = package_or_question("show", wp, mission=chosen, as_json=as_json)
    data = ask("show-package", as_json=as_json, mission=chosen.slug, wp=wp_id)
    if not as_json:
        package_shown.show(data, chosen)
