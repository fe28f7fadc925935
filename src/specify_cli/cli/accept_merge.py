"""`spec-kitty accept` and `spec-kitty merge`."""

from __future__ import annotations

from typing import Any

import click

from specify_cli.cli import advice
from specify_cli.cli.client import actor_or_user, is_working_folder_gone, standing_in
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import mission_or_default
from specify_cli.cli.steps import carry_out


@click.command()
@MISSION
@ACTOR
@JSON
def accept(*, mission: str | None, actor: str | None, as_json: bool) -> None:
    """Accept a mission whose packages are all approved or done.

    Example: spec-kitty accept --mission 001-search
    """
    chosen = mission_or_default("accept", mission, as_json=as_json)
    data = carry_out(
        "accept-mission", chosen, word="accept", actor=actor_or_user(actor), as_json=as_json
    )
    if not as_json:
        packages = ", ".join(data["accepted_wps"])
        say(f" is accepted: {packages}", head=bold(data["mission_slug"]))
        say(f"next: {advice.after_accepting(chosen)}")


@click.command()
@click.option("--target", help="Branch to merge into. Default: the mission's target.")
@click.option("--strategy", default="merge", help="merge, squash or rebase. Default: merge.")
@click.option("--push", is_flag=True, help="Also push the target branch to origin.")
@MISSION
@ACTOR
@JSON
def merge(
    *,
    target: str | None,
    strategy: str,
    push: bool,
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Merge a mission into its target branch.

    If the merge is refused, nothing has changed. Clean workspaces are removed.

    Example: spec-kitty merge --strategy squash
    """
    from specify_cli import bootstrap

    chosen = mission_or_default("merge", mission, as_json=as_json)
    root = bootstrap.find_project(standing_in())
    how: dict[str, Any] = {
        "target": target,
        "strategy": strategy,
        "push": push,
        "actor": actor_or_user(actor),
    }
    data = carry_out("merge-mission", chosen, word="merge", as_json=as_json, **how)
    if as_json:
        return
    packages = ", ".join(data["merged_wps"]) or "nothing new"
    say(f" is merged into {data['target_branch']}: {packages}", head=bold(data["mission_slug"]))
    if not data["worktree_removed"]:
        click.echo("its workspaces were kept")
    if is_working_folder_gone():
        say(f"the current workspace was removed: cd {root}")
    say(f"next: spec-kitty status {data['mission_slug']}")
