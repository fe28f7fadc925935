"""`spec-kitty init`: turn a git repository into a project."""

from __future__ import annotations

import click

from specify_cli.cli import json_reply
from specify_cli.cli.client import standing_in
from specify_cli.cli.options import JSON
from specify_cli.cli.output import say


@click.command()
@JSON
def init(*, as_json: bool) -> None:
    """Turn this folder of a git repository into a project.

    If a folder above it has kitty-specs, that folder becomes the project instead. You can run this command
    again at any time: existing files are not changed.

    Example: spec-kitty init
    """
    from specify_cli import bootstrap

    here = standing_in()
    root = bootstrap.initialize(here)
    missions = root / "kitty-specs"
    if as_json:
        json_reply.print_data({"project": str(root), "missions": str(missions)})
        return
    say(f"project: {root}")
    if root != here:
        say(f"the missions are in {missions}, not in this folder")
    click.echo('next: spec-kitty specify "What is to be built"')
