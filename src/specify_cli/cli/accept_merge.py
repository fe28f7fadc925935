"""`spec-kitty accept` and `spec-kitty merge`."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from specify_cli.cli import advice
from specify_cli.cli.advice import same_command
from specify_cli.cli.client import (
    REFUSED,
    actor_or_user,
    envelope_of,
    is_on_terminal,
    is_working_folder_gone,
    refuse,
    standing_in,
)
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import Chosen, confirm, mission_or_default
from specify_cli.cli.steps import carry_out
from specify_cli.errors import PreflightFailed


@click.command()
@MISSION
@ACTOR
@JSON
def accept(*, mission: str | None, actor: str | None, as_json: bool) -> None:
    """Accept a mission whose packages are all approved, done or canceled.

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
@click.option("--branch", help="Merge on this new branch instead, for a pull request.")
@click.option("--strategy", default="merge", help="merge, squash or rebase. Default: merge.")
@click.option("--push", is_flag=True, help="Also push the branch to origin.")
@MISSION
@ACTOR
@JSON
def merge(
    *,
    target: str | None,
    branch: str | None,
    strategy: str,
    push: bool,
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Merge a mission into its target branch.

    If the merge is refused, nothing has changed. Clean workspaces are removed.

    With --branch, create that branch from the target, merge on it, and leave the target unchanged. After the
    pull request is merged, close the mission with 'spec-kitty mission mark-merged'.

    Example: spec-kitty merge --strategy squash
    """
    chosen = mission_or_default("merge", mission, as_json=as_json)
    _require_accepted(chosen, actor=actor, as_json=as_json)
    how: dict[str, Any] = {"target": target, "strategy": strategy, "push": push}
    if branch is None:
        _merge(chosen, actor=actor_or_user(actor), as_json=as_json, **how)
    else:
        _merge_on(branch, chosen, as_json=as_json, **how)


def _require_accepted(mission: Chosen, *, actor: str | None, as_json: bool) -> None:
    """If the mission is not accepted, ask whether to accept it; without a terminal, refuse."""
    data = envelope_of("show-acceptance", mission=mission.slug)["data"]
    if not data.get("awaits_acceptance"):
        return  # Or there is no such mission, which the merge reports.
    problem = f"{data['mission_slug']} is not accepted"
    if as_json or not is_on_terminal():
        steps = f"{mission.next('accept')} && {same_command()}"
        refuse("merge", PreflightFailed(problem, errors=[problem]), as_json=as_json, advice=steps)
    confirm(f"{problem}. Accept it now?", advice=mission.next("accept"))
    carry_out("accept-mission", mission, word="accept", actor=actor_or_user(actor))


def _merge(mission: Chosen, *, as_json: bool, **how: Any) -> None:
    from specify_cli import bootstrap

    root = bootstrap.find_project(standing_in())
    data = carry_out("merge-mission", mission, word="merge", as_json=as_json, **how)
    if as_json:
        return
    head, target = bold(data["mission_slug"]), data["target_branch"]
    if data["commit"] is None:
        say(f": nothing to do, {target} has its work", head=head)
    else:
        packages = ", ".join(sorted(data["merged_wps"])) or "nothing new"
        say(f" is merged into {target}: {packages}", head=head)
    if not data["worktree_removed"]:
        click.echo("its workspaces were kept")
    if is_working_folder_gone():
        say(f"the current workspace was removed: cd {root}")
    say(f"next: spec-kitty status {data['mission_slug']}")


def _merge_on(branch: str, mission: Chosen, *, as_json: bool, **how: Any) -> None:
    data = carry_out(
        "merge-branch", mission, word="merge", branch=branch, as_json=as_json, is_last=True, **how
    )
    problem = data.get("push_problem")
    if not as_json:
        target, commit = data["target_branch"], data["commit"][:12]
        if data["is_new"]:
            text = f" has the merge of {data['mission_slug']}, at {commit}; {target} was not moved"
        else:
            text = f": nothing to do, it has the merge of {data['mission_slug']}, at {commit}"
        say(text, head=bold(branch))
        if problem:
            say(f"it was not pushed: {problem}", is_error=True)
            say(f"to push it: git push origin {shlex.quote(branch)}", is_error=True)
        elif not how["push"]:
            say(f"to push it: git push origin {shlex.quote(branch)}")
        close = f"spec-kitty mission mark-merged {data['mission_slug']}"
        say(f"when the pull request is merged, and {target} is fetched or pulled: {close}")
    if problem:
        sys.exit(REFUSED)
