"""`spec-kitty update`: bring the target branch and approved work into an execution lane."""

from __future__ import annotations

import click

from specify_cli.cli import advice
from specify_cli.cli.client import actor_or_user, is_working_folder_gone
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import mission_or_default, package_or_question
from specify_cli.cli.steps import carry_out


@click.command()
@click.argument("wp", required=False)
@click.option(
    "--with", "others", multiple=True, metavar="WP", help="Merge this approved package, too."
)
@MISSION
@ACTOR
@JSON
def update(
    *,
    wp: str | None,
    others: tuple[str, ...],
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Merge the target branch and the approved dependencies into the execution lane of the package WP,
    which is in progress.

    Commit your work and leave the workspace first: it is replaced by one with the merge. If there is a
    conflict, nothing changes, and the commands that resolve it are printed.

    Example: spec-kitty update WP02 --with WP01
    """
    chosen = mission_or_default("update", mission, as_json=as_json)
    who = actor_or_user(actor)
    wp_id = package_or_question(
        "update",
        wp,
        mission=chosen,
        lanes=("in_progress",),
        fits=lambda package: bool(package["claimed_by"] == who),
        as_json=as_json,
    )
    data = carry_out(
        "update-workspace",
        chosen,
        word="update",
        wp=wp_id,
        others=[it.upper() for it in others] or None,
        actor=who,
        as_json=as_json,
    )
    if as_json:
        return
    nothing = f": nothing to do, it contains {data['target_branch']} and its dependencies"
    merged = ", ".join(data["merged"])
    say(f" now has {merged}" if merged else nothing, head=bold(wp_id))
    if is_working_folder_gone():
        import shlex

        say(f"the current folder was replaced: cd {shlex.quote(data['workspace_path'])}")
    say(f"next: {advice.after_moving(wp_id, chosen)}")
