"""`spec-kitty init`: turn a git repository into a project."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from specify_cli import errors
from specify_cli.cli.output import say


@click.command()
def init() -> None:
    """Turn the git repository of this folder, or its folder with kitty-specs, into a project.

    It can be run again at any time: existing files are not changed.

    Example: spec-kitty init
    """
    from specify_cli import bootstrap

    try:
        root = bootstrap.initialize(Path.cwd())
    except errors.SpecKittyError as error:
        say(f"{error.code}: {error.message}", is_error=True)
        sys.exit(1)
    say(f"project: {root}")
    if root != Path.cwd():
        say(f"the missions are in {root / 'kitty-specs'}, not in this folder")
    click.echo('next: spec-kitty specify "What is to be built"')
