"""`spec-kitty agent`: commands for agents working in a workspace, and for their harnesses."""

from __future__ import annotations

import click

from specify_cli.cli.client import actor_or_user, ask
from specify_cli.cli.options import JSON
from specify_cli.cli.output import say, say_lanes


@click.group()
def agent() -> None:
    """Commands for agents working in a workspace.

    Example: spec-kitty agent tasks mark-status T001 --status done --mission 001-search
    """


@agent.group()
def tasks() -> None:
    """Update the subtasks of work packages.

    Example: spec-kitty agent tasks mark-status T001 --status done --mission 001-search
    """


@tasks.command("mark-status")
@click.argument("subtasks", nargs=-1, required=True)
@click.option("--status", type=click.Choice(["done", "pending"]), required=True)
@click.option("--mission", required=True, help="Folder, id, number or bare name.")
@click.option("--actor", help="Name to record. Default: the current user.")
@JSON
def mark_status(
    *, subtasks: tuple[str, ...], status: str, mission: str, actor: str | None, as_json: bool
) -> None:
    """Mark SUBTASKS of a mission as done or pending. Either all are marked or none.

    Example: spec-kitty agent tasks mark-status T001 T002 --status done --mission 001-search
    """
    data = ask(
        "mark-subtasks",
        as_json=as_json,
        mission=mission,
        subtasks=list(subtasks),
        status=status,
        actor=actor_or_user(actor),
    )
    if not as_json:
        for name in data.get("unchanged", ()):
            say(f"{name} was {status} already")
        packages = ", ".join(data["work_packages"])
        marked = ", ".join(subtasks)
        say(f"{marked}: {status}" if marked == packages else f"{marked} of {packages}: {status}")


@agent.group()
def mission() -> None:
    """Commands for a whole mission.

    Example: spec-kitty agent mission finalize-tasks --mission 001-search --json
    """


@mission.command("finalize-tasks", short_help="Check the packages and plan their execution lanes.")
@click.option("--mission", "name", required=True, help="Folder, id, number or bare name.")
@JSON
def finalize_tasks(*, name: str, as_json: bool) -> None:
    """Check the work packages of a mission and plan its execution lanes.

    Example: spec-kitty agent mission finalize-tasks --mission 001-search --json
    """
    data = ask("finalize-tasks", as_json=as_json, mission=name)
    if not as_json:
        say_lanes(data["lanes"])
