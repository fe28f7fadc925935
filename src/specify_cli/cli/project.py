"""`spec-kitty init`: a git repository becomes a project."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from specify_cli import bootstrap
from specify_cli.errors import SpecKittyError


@click.command()
def init() -> None:
    """Make the git repository of this folder a project: give it a place for missions.

    Run it again at any time; it changes nothing that is there.

    Example: spec-kitty init
    """
    try:
        root = bootstrap.initialize(Path.cwd())
    except SpecKittyError as error:
        click.echo(f"{error.code}: {error.message}", err=True)
        sys.exit(1)
    click.echo(f"project: {root}")
    click.echo('next: spec-kitty mission create "What is to be built"')
