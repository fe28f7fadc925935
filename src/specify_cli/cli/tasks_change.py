"""`spec-kitty tasks edit` and `tasks remove`: change a package before its work begins, or remove it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import click

from specify_cli import errors
from specify_cli.cli import advice, editing
from specify_cli.cli.client import complain, envelope_of, is_on_terminal, print_envelope, settled
from specify_cli.cli.options import JSON, MISSION
from specify_cli.cli.output import say, say_commit, say_lanes
from specify_cli.cli.prompting import Chosen, confirm, mission_or_default, package_or_question

OPEN = ("planned", "claimed", "in_progress", "blocked")
"""Status lanes of the packages that can be changed."""

PASTEABLE = re.compile(r": (spec-kitty .+)")


@click.command(short_help="Change a work package before its work begins.")
@click.argument("wp", required=False)
@click.option("--title", help="New title.")
@click.option("--depends-on", multiple=True, metavar="WP", help="Dependency; 'none' removes all.")
@click.option(
    "--owns", multiple=True, metavar="PATTERN", help="Pattern of its files; 'none' removes all."
)
@click.option("--prompt", help="New instructions for the implementer.")
@click.option("--editor", is_flag=True, help="Edit the whole prompt in $EDITOR.")
@MISSION
@JSON
def edit(*, wp: str | None, editor: bool, mission: str | None, as_json: bool, **new: Any) -> None:
    """Change the package WP in its prompt and in tasks.md, and plan its execution lane again.

    On a terminal, a call without options opens the prompt in $EDITOR. --depends-on and --owns replace the
    whole list. Everything is checked before anything is written. Once work has begun, dependencies and
    files cannot be changed.

    Example: spec-kitty tasks edit WP02 --owns 'src/query/**' --depends-on WP01
    """
    chosen = mission_or_default("tasks edit", mission, as_json=as_json)
    wp_id = package_or_question("tasks edit", wp, mission=chosen, lanes=OPEN, as_json=as_json)
    values = {name: list(it) if isinstance(it, tuple) else it for name, it in new.items() if it}
    if editor and values:
        complain("tasks edit", "--editor cannot be combined with other options", as_json=as_json)
    if not values and (as_json or not is_on_terminal()):
        complain(
            "tasks edit",
            "say what to change: --title, --depends-on, --owns or --prompt; --editor needs a terminal",
            as_json=as_json,
            advice=chosen.next(f"tasks edit {wp_id} --title 'New title'"),
        )
    data = (
        _changed("edit-package", chosen, wp_id, as_json=as_json, **values)
        if values
        else _in_editor(chosen, wp_id)
    )
    if not as_json:
        _say_changed(data, chosen)


@click.command(short_help="Remove a work package that has no history.")
@click.argument("wp", required=False)
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@MISSION
@JSON
def remove(*, wp: str | None, dry_run: bool, mission: str | None, as_json: bool) -> None:
    """Remove the package WP: its prompt, its section in tasks.md and its execution lane.

    On a terminal, the command shows what it removes and asks for confirmation. A package that has a history, or that
    others depend on, cannot be removed; 'spec-kitty move' cancels it.

    Example: spec-kitty tasks remove WP02
    """
    chosen = mission_or_default("tasks remove", mission, as_json=as_json)
    wp_id = package_or_question(
        "tasks remove", wp, mission=chosen, lanes=("planned",), as_json=as_json
    )
    asks = not as_json and is_on_terminal()
    if dry_run or asks:
        found = _changed("remove-package", chosen, wp_id, as_json=as_json, preview=True)
        if not as_json:
            say(f"{wp_id}: {found['title']}")
            _say_files(found, how="to be removed")
        if dry_run:
            return
        confirm(f"Remove {wp_id}?")
    data = _changed("remove-package", chosen, wp_id, as_json=as_json)
    if as_json:
        return
    say(f"{wp_id} is removed")
    if not asks:
        _say_files(data, how="removed")
    say_commit(data["commit"])
    say(f"next: {advice.after_settling(chosen)}")


def _changed(
    command: str, mission: Chosen, wp_id: str, *, as_json: bool, **args: Any
) -> dict[str, Any]:
    """Return the data of the reply; on a refusal, print the command that its message ends with."""
    envelope = envelope_of(command, mission=mission.slug, wp=wp_id, **args)
    data = _settled(envelope, mission, as_json=as_json)
    if as_json:
        print_envelope(envelope)
    return data


def _settled(envelope: dict[str, Any], mission: Chosen, *, as_json: bool) -> dict[str, Any]:
    """Return the data of the reply; on a refusal, print the command of its message on a line of its own."""
    if as_json or envelope["error_code"] != errors.UsageError.code:
        return settled(envelope, as_json=as_json)
    message = envelope["data"]["message"]
    found = PASTEABLE.search(message)
    if found is None:
        return settled(envelope, advice=f"spec-kitty tasks list {mission.slug}")
    said = {"message": message[: found.start()] + message[found.end() :]}
    return settled(envelope | {"data": envelope["data"] | said}, advice=found[1])


def _in_editor(mission: Chosen, wp_id: str) -> dict[str, Any]:
    """Open the prompt in an editor until what was written is accepted or given up."""
    shown = _changed("show-prompt", mission, wp_id, as_json=False)
    text = shown["prompt"]
    while True:
        written = editing.edited(text)
        if written is None or written == shown["prompt"]:
            return {"wp_id": wp_id, "changed": []}
        envelope = envelope_of("edit-package", mission=mission.slug, wp=wp_id, content=written)
        if envelope["success"]:
            return settled(envelope)
        say(f"{envelope['error_code']}: {envelope['data']['message']}", is_error=True)
        if not click.confirm("Edit it again?", default=True):
            return _settled(envelope, mission, as_json=False)
        text = written


def _say_changed(data: Mapping[str, Any], mission: Chosen) -> None:
    wp_id = data["wp_id"]
    if not data["changed"]:
        say(f"{wp_id} is unchanged")
        if data.get("commit"):
            say(f"committed what an earlier call had written: {data['commit'][:12]}")
        return
    names = {"owned_files": "owned files"}
    say(f"{wp_id} is changed: {', '.join(names.get(x, x) for x in data['changed'])}")
    if "owned_files" in data["changed"]:
        say_lanes(data["lanes"])
    if data["holder"]:
        say(f"{data['holder']} works on it: let them know that it was changed")
    say_commit(data["commit"])
    say(f"next: {advice.after_moving(wp_id, mission)}")


def _say_files(data: Mapping[str, Any], *, how: str) -> None:
    """Print what is removed: the prompt, then the section of `tasks.md` if there is one."""
    prompt, *others = (os.path.relpath(path) for path in data["files"])
    say(f"{how}: {prompt}")
    for path in others:
        say(f"{how}: the section {data['wp_id']} of {path}")
