"""`spec-kitty mission mark-merged` and `spec-kitty mission tidy`."""

from __future__ import annotations

from typing import Any

import click

from specify_cli.cli.client import (
    actor_or_user,
    ask,
    complain,
    envelope_of,
    is_on_terminal,
    print_envelope,
    settled,
)
from specify_cli.cli.options import ACTOR, JSON
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import confirm, mission_or_default
from specify_cli.cli.steps import carry_out


@click.command("mark-merged", short_help="Close a mission whose pull request was merged.")
@click.argument("mission", required=False)
@ACTOR
@JSON
def mark_merged(*, mission: str | None, actor: str | None, as_json: bool) -> None:
    """Close MISSION after its pull request was merged: mark its packages as done, and remove clean workspaces.

    The work must be in the target branch, or in its remote-tracking branch as of the last 'git fetch'.
    Merge commits, squash merges and rebase merges are recognized. If work is missing, nothing changes.

    Example: spec-kitty mission mark-merged 001-search
    """
    chosen = mission_or_default("mission mark-merged", mission, as_json=as_json)
    data = carry_out(
        "mark-merged",
        chosen,
        word="mission mark-merged",
        actor=actor_or_user(actor),
        as_json=as_json,
    )
    if as_json:
        return
    head, where = bold(data["mission_slug"]), data["found_in"]
    if data["marked_wps"]:
        say(f" is merged: {where} has {', '.join(data['marked_wps'])}", head=head)
    else:
        say(f": nothing to do, it was merged before, and {where} has its work", head=head)
    if not data["worktree_removed"]:
        click.echo("its workspaces were kept")
    say(f"next: spec-kitty mission tidy {data['mission_slug']}")


@click.command("tidy", short_help="Remove the branches of merged missions.")
@click.argument("mission", required=False)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--dry-run", is_flag=True, help="Only show what would be removed.")
@JSON
def tidy(*, mission: str | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Remove the branches of MISSION and of its execution lanes. Default: every merged mission.

    The branches are shown first. A branch with commits that were not merged is kept. Approved commits stay
    in the host's refs. Without a terminal, --yes is required.

    Example: spec-kitty mission tidy 001-search
    """
    envelope = envelope_of("tidy-missions", mission=mission, is_dry=True)
    plan = settled(envelope, as_json=as_json)
    going = [it for it in plan["branches"] if it["problem"] is None]
    _show_plan(envelope, is_printed=not as_json or dry_run, as_json=as_json)
    if dry_run or not (going or as_json):
        return
    if not yes and going:
        if as_json or not is_on_terminal():
            text = "confirmation is required: give --yes to remove these branches"
            complain("mission tidy", text, as_json=as_json)
        confirm("Remove them?")
    data = ask("tidy-missions", as_json=as_json, mission=mission)
    if not as_json:
        gone = sum(it["problem"] is None for it in data["branches"])
        say("removed 1 branch" if gone == 1 else f"removed {gone} branches")


def _show_plan(envelope: dict[str, Any], *, is_printed: bool, as_json: bool) -> None:
    branches = envelope["data"]["branches"]
    if is_printed and as_json:
        print_envelope(envelope)
    elif is_printed:
        for one in branches:
            text = (
                f"keep, {one['problem']}" if one["problem"] else f"remove, at {one['commit'][:12]}"
            )
            say(f": {text}", head=bold(one["branch"]))
        if not branches:
            say("no merged mission has a branch: nothing to do")
