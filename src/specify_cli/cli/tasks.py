"""`spec-kitty tasks`: create, check, tick off and list work packages."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import click

from specify_cli.cli import advice, tasks_change
from specify_cli.cli.client import actor_or_user, ask
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import say, say_commit, say_lanes
from specify_cli.cli.prompting import (
    Chosen,
    mission_or_default,
    package_or_question,
    text_or_question,
)

UNSETTLED = ("planned", "claimed", "in_progress", "for_review", "in_review", "blocked")
"""Status lanes in which a package can have open subtasks."""


@click.group(invoke_without_command=True)
@MISSION
@JSON
@click.pass_context
def tasks(context: click.Context, *, mission: str | None, as_json: bool) -> None:
    """Create the work packages outlined in tasks.md; check and commit them.

    Existing prompts are kept.

    Example: spec-kitty tasks --mission 001-search
    """
    if context.invoked_subcommand is not None:
        if mission is not None or as_json:
            raise click.UsageError(
                f"Give --mission and --json after {context.invoked_subcommand!r}.", context
            )
        return
    chosen = mission_or_default("tasks", mission, as_json=as_json)
    data = ask("write-packages", as_json=as_json, mission=chosen.slug)
    if not as_json:
        for wp_id in data["work_packages"]:
            state = "written" if wp_id in data["written"] else "kept"
            differing = data["differing"].get(wp_id)
            words = f"; differs from tasks.md in {', '.join(differing)}" if differing else ""
            say(f"{wp_id}: {state}{words}")
        if data["differing"]:
            click.echo(
                "prompts that differ are kept: edit a prompt, or delete it to create it again"
            )
        say_lanes(data["lanes"])
        say_commit(data["commit"])
        say(f"next: {advice.after_settling(chosen)}")


@tasks.command(short_help="Add a work package to a mission.")
@click.argument("mission", required=False)
@click.argument("title", required=False)
@click.option(
    "--depends-on", multiple=True, metavar="WP", help="Package that must be approved first."
)
@click.option("--owns", multiple=True, metavar="PATTERN", help="Files that the package may change.")
@click.option("--subtask", multiple=True, metavar="TEXT", help="Subtask of the package.")
@click.option("--prompt", help="Instructions for the implementer.")
@JSON
def add(
    *,
    mission: str | None,
    title: str | None,
    depends_on: tuple[str, ...],
    owns: tuple[str, ...],
    subtask: tuple[str, ...],
    prompt: str | None,
    as_json: bool,
) -> None:
    """Add a work package called TITLE to MISSION, with the next free id.

    Example: spec-kitty tasks add 001-search "Query" --subtask "parse it"
    """
    chosen = mission_or_default("tasks add", mission, as_json=as_json)
    title = text_or_question(
        "tasks add",
        title,
        question="What should the package do?",
        missing=f"the title is missing; for example: spec-kitty tasks add {shlex.quote(chosen.slug)} 'Query'",
        as_json=as_json,
    )
    data = ask(
        "add-package",
        as_json=as_json,
        mission=chosen.slug,
        title=title,
        depends_on=list(depends_on),
        owns=list(owns),
        subtask=list(subtask),
        prompt=prompt,
    )
    if not as_json:
        _say_added(data, chosen)


tasks.add_command(tasks_change.edit)
tasks.add_command(tasks_change.remove)


@tasks.command()
@click.argument("subtasks", nargs=-1)
@MISSION
@ACTOR
@JSON
def done(
    *, subtasks: tuple[str, ...], mission: str | None, actor: str | None, as_json: bool
) -> None:
    """Mark SUBTASKS as done. The id of a package stands for all its subtasks.

    Example: spec-kitty tasks done T001 T002
    """
    chosen = mission_or_default("tasks done", mission, as_json=as_json)
    ticked = subtasks or (_asked_package(chosen, as_json=as_json),)
    data = ask(
        "mark-subtasks",
        as_json=as_json,
        mission=chosen.slug,
        subtasks=list(ticked),
        status="done",
        actor=actor_or_user(actor),
        advice=f"spec-kitty tasks list {shlex.quote(chosen.slug)}",
    )
    if not as_json:
        was_done = data.get("unchanged", [])
        if was_done:
            say(f"{', '.join(was_done)}: done already")
        if marked := [it for it in ticked if it not in was_done]:
            say(f"{', '.join(marked)}: done")
        say(f"next: {advice.after_moving(data['work_packages'][0], chosen)}")


@tasks.command("list")
@click.argument("mission", required=False)
@JSON
def list_packages(*, mission: str | None, as_json: bool) -> None:
    """List the work packages of MISSION.

    Example: spec-kitty tasks list 001-search
    """
    chosen = mission_or_default("tasks list", mission, as_json=as_json)
    data = ask("mission-state", as_json=as_json, mission=chosen.slug)
    if not as_json:
        for package in data["work_packages"]:
            waits = ", ".join(package["dependencies"])
            after = f"  after {waits}" if waits else ""
            say(f"{package['wp_id']}  {package['lane']}  {package['title']}{after}")


@tasks.command(short_help="Check the packages and plan their execution lanes.")
@click.argument("mission", required=False)
@JSON
def finalize(*, mission: str | None, as_json: bool) -> None:
    """Check the work packages of MISSION and plan its execution lanes.

    Dependencies and owned files given only in tasks.md are copied to the front matter.

    Example: spec-kitty tasks finalize 001-search
    """
    chosen = mission_or_default("tasks finalize", mission, as_json=as_json)
    data = ask("finalize-tasks", as_json=as_json, mission=chosen.slug)
    if not as_json:
        for wp_id, names in data["taken_over"].items():
            say(f"{wp_id}: {' and '.join(names)} copied from tasks.md to its front matter")
        say_lanes(data["lanes"])
        pairs = data["one_after_another"]
        for it in pairs:
            ours, theirs = it["owned_files"]
            files = f"both own {ours}" if ours == theirs else f"{theirs} and {ours} overlap"
            say(f"{it['other']} and {it['wp_id']} are worked on one after another: {files}")
        for lane_id, packages in data["lanes"].items():
            joined = sum(it["wp_id"] in packages for it in pairs)
            if joined < len(packages) - 1:
                say(
                    f"all of {lane_id} are worked on one after another: files that they owned in an"
                    " earlier plan overlapped"
                )
        say(f"next: spec-kitty status {data['mission_slug']}")


def _say_added(data: dict[str, Any], chosen: Chosen) -> None:
    wp_id = data["wp_id"]
    if not data["is_new"]:
        say(f"{wp_id} is exactly this package already. To add another, give it another title")
    say(f"{wp_id}: {data['prompt_path']}")
    if data["lane_mates"]:
        say(f"{data['lane_id']}: shared with {', '.join(data['lane_mates'])}, one after another")
    elif data["lane_id"]:
        say(f"{data['lane_id']}: only {wp_id}")
    say_commit(data["commit"])
    if data["lane_id"]:
        say(f"next: {advice.after_moving(wp_id, chosen)}")
    else:
        say(f"next: spec-kitty tasks finalize {shlex.quote(chosen.slug)}")


def _asked_package(chosen: Chosen, *, as_json: bool) -> str:
    return package_or_question(
        "tasks done", None, mission=chosen, lanes=UNSETTLED, fits=_has_open_steps, as_json=as_json
    )


def _has_open_steps(package: Mapping[str, Any]) -> bool:
    steps = package["subtasks"]
    return bool(steps["done"] < steps["total"])
