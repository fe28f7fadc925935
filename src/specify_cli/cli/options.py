"""The options that many words for people share."""

from __future__ import annotations

import click

MISSION = click.option(
    "--mission", help="Folder name, id, number or bare name; else the one that is meant."
)
ACTOR = click.option("--actor", help="Who does it; else the user of this process.")
JSON = click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
