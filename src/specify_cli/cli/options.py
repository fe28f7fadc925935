"""Options shared by several commands."""

from __future__ import annotations

import click

MISSION = click.option(
    "--mission", help="Folder, id, number or bare name. Default: the only open mission."
)
ACTOR = click.option("--actor", help="Name to record. Default: the current user.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print the reply as JSON.")
