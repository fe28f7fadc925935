"""`spec-kitty tasks`: write, check and list work packages."""

from __future__ import annotations

import click

from specify_cli.cli.asking import ask


@click.group()
def tasks() -> None:
    """Write, check and list work packages.

    Example: spec-kitty tasks add 001-search "Index" --owns 'src/index/**'
    """


@tasks.command()
@click.argument("mission")
@click.argument("title")
@click.option("--depends-on", multiple=True, metavar="WP", help="A package that comes first.")
@click.option("--owns", multiple=True, metavar="PATTERN", help="Files that it may change.")
@click.option("--subtask", multiple=True, metavar="TEXT", help="One of its steps.")
@click.option("--prompt", help="What whoever takes it is told.")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def add(
    *,
    mission: str,
    title: str,
    depends_on: tuple[str, ...],
    owns: tuple[str, ...],
    subtask: tuple[str, ...],
    prompt: str | None,
    as_json: bool,
) -> None:
    """Write a work package called TITLE for MISSION, under the next free id.

    Example: spec-kitty tasks add 001-search "Query" --depends-on WP01 --subtask "parse the query"
    """
    data = ask(
        "add-package",
        as_json=as_json,
        mission=mission,
        title=title,
        depends_on=list(depends_on),
        owns=list(owns),
        subtask=list(subtask),
        prompt=prompt,
    )
    if not as_json:
        click.echo(f"{data['wp_id']}: {data['prompt_path']}")


@tasks.command("list")
@click.argument("mission")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def list_packages(*, mission: str, as_json: bool) -> None:
    """List the work packages of MISSION.

    Example: spec-kitty tasks list 001-search
    """
    data = ask("mission-state", as_json=as_json, mission=mission)
    if not as_json:
        for package in data["work_packages"]:
            waits = ", ".join(package["dependencies"])
            after = f"  after {waits}" if waits else ""
            click.echo(f"{package['wp_id']}  {package['lane']}  {package['title']}{after}")


@tasks.command()
@click.argument("mission")
@click.option("--json", "as_json", is_flag=True, help="The envelope instead of words.")
def finalize(*, mission: str, as_json: bool) -> None:
    """Check the packages of MISSION and plan which of them share a worktree.

    Example: spec-kitty tasks finalize 001-search
    """
    data = ask("finalize-tasks", as_json=as_json, mission=mission)
    if not as_json:
        for lane_id, packages in data["lanes"].items():
            click.echo(f"{lane_id}: {', '.join(packages)}")
        click.echo(f"next: spec-kitty status {data['mission_slug']}")
