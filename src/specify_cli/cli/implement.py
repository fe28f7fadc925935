"""`spec-kitty implement`: start work on a package, and submit it for review."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from specify_cli import errors
from specify_cli.cli import advice
from specify_cli.cli.client import actor_or_user, ask, envelope_of, is_working_folder_gone, refuse
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import Chosen, mission_or_default, package_or_question
from specify_cli.cli.prompts import feedback_lines, prompt_text
from specify_cli.cli.steps import carry_out


@click.command()
@click.argument("wp", required=False)
@click.option("--done", "is_done", is_flag=True, help="Submit the committed work for review.")
@MISSION
@ACTOR
@JSON
def implement(
    *, wp: str | None, is_done: bool, mission: str | None, actor: str | None, as_json: bool
) -> None:
    """Start work on the package WP: show its workspace and its prompt.

    With --done, submit the package for review.

    Example: spec-kitty implement WP01
    """
    chosen = mission_or_default("implement", mission, as_json=as_json)
    who = actor_or_user(actor)
    lanes = ("in_progress",) if is_done else ("planned", "claimed", "in_progress")
    wp_id = package_or_question(
        "implement",
        wp,
        mission=chosen,
        lanes=lanes,
        fits=lambda x: is_done or _can_be_taken(x, by=who),
        words="implement --done" if is_done else None,
        as_json=as_json,
    )
    if is_done:
        package = advice.package_named(wp_id, advice.packages_of(chosen)) or {"lane": None}
        _check_held(package, chosen, by=who, as_json=as_json)
        _check_not_handed_in(package, chosen, as_json=as_json)
        # A claim, which counts only if the host has no evidence of its own.
        word: dict[str, Any] = {"implementation_evidence_present": True}
        word |= {"actor": who, "to": "for_review"}
        data = carry_out(
            "transition", chosen, word="implement --done", wp=wp_id, as_json=as_json, **word
        )
        if not as_json:
            _say_submitted(data, chosen)
        return
    data = carry_out(
        "start-implementation", chosen, word="implement", wp=wp_id, actor=who, as_json=as_json
    )
    if not as_json:
        _say_where(data, chosen)


def _check_held(package: Mapping[str, Any], chosen: Chosen, *, by: str, as_json: bool) -> None:
    """Refuse if another actor holds the package, because the submitter is recorded as implementer."""
    import shlex

    if package["lane"] != "in_progress":
        return
    wp_id, holder = package["wp_id"], advice.holder_besides(package, by)
    if holder is None:
        return
    remedy = chosen.next(f"implement {wp_id} --done", actor=holder)
    error = errors.WorkPackageAlreadyClaimed(
        f"{wp_id} is held by {holder!r}, and you are {by!r}: the actor who submits it is recorded as"
        f" its implementer; to submit it as {holder!r}, add --actor {shlex.quote(holder)}",
        claimed_by=holder,
        requesting_actor=by,
    )
    refuse("implement", error, as_json=as_json, advice=remedy)


def _check_not_handed_in(package: Mapping[str, Any], chosen: Chosen, *, as_json: bool) -> None:
    """Refuse if the package is already submitted and its branch has newer commits."""
    if package["lane"] != "for_review":
        return
    wp_id = package["wp_id"]
    work = envelope_of("show-work", mission=chosen.slug, wp=wp_id)["data"]
    newer = sum(left["total"] for left in work.get("commits_not_included", ()))
    if not newer:
        return
    commits = "1 commit was" if newer == 1 else f"{newer} commits were"
    error = errors.TransitionRejected(
        f"{wp_id} is already submitted for review at {work['commit']}, and {commits} made since: to"
        " submit them too, move it back to work first",
        from_lane="for_review",
        to_lane="for_review",
        guard="edge",
    )
    refuse("implement", error, as_json=as_json, advice=_submit_again(wp_id, chosen))


def _submit_again(wp_id: str, chosen: Chosen) -> str:
    steps = (
        f"move {wp_id} blocked --note 'to be submitted again'",
        f"move {wp_id} in_progress",
        f"implement {wp_id} --done",
    )
    return " && ".join(chosen.next(step) for step in steps)


def _say_submitted(data: Mapping[str, Any], chosen: Chosen) -> None:
    wp_id = data["wp_id"]
    say(" is submitted for review", head=bold(wp_id))
    has_left = data.get("warnings") and ask("show-diff", mission=chosen.slug, wp=wp_id, stat=True)
    if has_left and has_left["uncommitted"]:
        say("to submit the other files, too, commit them, then run:")
        say(f"  {_submit_again(wp_id, chosen)}")
    say(f"next: {chosen.next(f'review {wp_id}')}")


def _can_be_taken(package: Mapping[str, Any], *, by: str) -> bool:
    if package["lane"] == "planned":
        return not (
            package["unsatisfied_dependencies"]
            or package.get("waiting_for_lane")
            or package.get("contested")
        )
    return bool(package["claimed_by"] == by)


def _say_where(data: dict[str, Any], chosen: Chosen) -> None:
    import shlex

    wp_id = data["wp_id"]
    is_made_again = is_working_folder_gone()
    if is_made_again:
        # The requests that follow need a current folder inside the project.
        os.chdir(data["workspace_path"])
    already = " already" if data["no_op"] else ""
    say(f" is yours{already}; branch {data['lane_branch']}", head=bold(wp_id))
    shown = ask("show-prompt", mission=chosen.slug, wp=wp_id)
    click.echo(f"\n{prompt_text(shown['prompt'])}\n")
    if shown.get("is_cut"):
        say(f"the prompt is longer: see {shown['prompt_path']}")
    for line in feedback_lines(data.get("feedback")):
        say(line)
    say(f"work in: {data['workspace_path']}")
    if is_made_again:
        say(f"the current folder was created again: cd {shlex.quote(data['workspace_path'])}")
    click.echo("commit there, then submit it")
    say(f"next: {advice.after_moving(wp_id, chosen)}")
