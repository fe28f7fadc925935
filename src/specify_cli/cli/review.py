"""`spec-kitty review`: show the work on a package, and record a review."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import click

from specify_cli import errors
from specify_cli.cli import advice
from specify_cli.cli.client import (
    actor_or_user,
    complain,
    envelope_of,
    is_on_terminal,
    print_envelope,
    refuse,
    settled,
)
from specify_cli.cli.options import ACTOR, JSON, MISSION
from specify_cli.cli.output import bold, say
from specify_cli.cli.prompting import Chosen, mission_or_default, package_or_question
from specify_cli.cli.steps import carry_out

APPROVED, CHANGES_REQUESTED = "approved", "changes_requested"
WHOLE_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""A full commit id: an agent can create a commit with the same abbreviated id."""


@click.command()
@click.argument("wp", required=False)
@click.option("--approve", is_flag=True, help="Approve the work.")
@click.option("--commit", help="Full id of the reviewed commit; needed without a terminal.")
@click.option("--request-changes", is_flag=True, help="Send the package back to work.")
@click.option("--note", help="Result of the review; needed to request changes.")
@click.option(
    "--feedback", type=click.Path(exists=True, dir_okay=False), help="File with the result."
)
@MISSION
@ACTOR
@JSON
def review(
    *,
    wp: str | None,
    approve: bool,
    commit: str | None,
    request_changes: bool,
    note: str | None,
    feedback: str | None,
    mission: str | None,
    actor: str | None,
    as_json: bool,
) -> None:
    """Show the work submitted for the package WP, and record your review.

    On a terminal, the commits and files are shown, the diff is offered, and you are asked for a
    decision. The review is claimed only when you decide. Without a terminal and without
    --approve or --request-changes, the work is only shown. --json prints the last reply.

    Example: spec-kitty review WP01 --request-changes --note "no test"
    """
    verdict = _verdict(approve=approve, request_changes=request_changes, as_json=as_json)
    chosen = mission_or_default("review", mission, as_json=as_json)
    who = actor_or_user(actor)
    wp_id = package_or_question(
        "review",
        wp,
        mission=chosen,
        lanes=("for_review", "in_review"),
        fits=lambda x: _can_be_reviewed(x, by=who),
        as_json=as_json,
    )
    can_ask = not as_json and is_on_terminal()
    note = (note or "").strip() or None
    _check_said(verdict, has_note=bool(note or feedback) or can_ask, as_json=as_json)
    this = _Review(wp_id=wp_id, chosen=chosen, who=who, as_json=as_json)
    this.check_lane()
    seen = this.look(is_shown=can_ask or verdict is None)
    this.check_commit(seen["data"], commit, is_needed=verdict == APPROVED and not can_ask)
    if verdict is None and not can_ask:
        print_envelope(seen) if as_json else say(f"next: {_approving(seen['data'], chosen)}")
        return
    decision = verdict or _asked_verdict(seen["data"], chosen)
    if decision is None:
        say(f"next: {chosen.next(f'review {wp_id}')}")
        return
    if decision == CHANGES_REQUESTED and not (note or feedback):
        note = click.prompt("What should be changed?", prompt_suffix=" ", value_proc=_said)
    this.record(seen["data"]["commit"], decision, note=note, feedback=feedback)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Review:
    """The review of one package by one person."""

    wp_id: str
    chosen: Chosen
    who: str
    as_json: bool

    def check_lane(self) -> None:
        """Refuse unless the package waits for a review, or this person holds its review."""
        package = advice.package_named(self.wp_id, advice.packages_of(self.chosen))
        if package is None or not _can_be_reviewed(package, by=self.who):
            # The host refuses it, unless the package was submitted a moment ago.
            self._claim()

    def look(self, *, is_shown: bool) -> dict[str, Any]:
        """Return the envelope of show-work; print the work if `is_shown`."""
        from specify_cli.cli import work_shown

        envelope = envelope_of("show-work", mission=self.chosen.slug, wp=self.wp_id)
        work = settled(envelope, as_json=self.as_json)
        if is_shown and not self.as_json:
            work_shown.show(work)
        return envelope

    def check_commit(self, work: Mapping[str, Any], named: str | None, *, is_needed: bool) -> None:
        """Refuse unless the reviewed commit is the submitted one."""
        commit, look = work["commit"], self.chosen.next(f"review {self.wp_id}")
        if named is None:
            if commit and is_needed:
                problem = f"--commit is required to approve {commit} without a terminal"
                complain("review", f"{problem}: see '{look}'", as_json=self.as_json)
            return
        plain = named.strip().lower()
        if not WHOLE_COMMIT.fullmatch(plain):
            problem = f"--commit needs the full id of the commit: '{look}' shows it"
            complain("review", problem, as_json=self.as_json)
        if plain != commit:
            self._refuse_other(plain, commit)

    def record(
        self, commit: str | None, decision: str, *, note: str | None, feedback: str | None
    ) -> None:
        """Claim the review, and record the decision about `commit`."""
        started = self._claim()
        if started.get("commit") != commit:
            self._refuse_other(commit, started.get("commit"))
        is_good = decision == APPROVED
        carry_out(
            "transition",
            self.chosen,
            word="review",
            wp=self.wp_id,
            as_json=self.as_json,
            actor=self.who,
            to="approved" if is_good else "in_progress",
            note=note,
            review_result=_result(self.wp_id, decision, reviewer=self.who, feedback=feedback),
            # The host compares it again as it records the transition.
            commit=commit if is_good else None,
        )
        if self.as_json:
            return
        said = " is approved" if is_good else " goes back to work"
        onward = advice.after_settling if is_good else partial(advice.back_to_work, self.wp_id)
        say(said, head=bold(self.wp_id))
        say(f"next: {onward(self.chosen)}")

    def _claim(self) -> dict[str, Any]:
        return carry_out(
            "start-review",
            self.chosen,
            word="review",
            wp=self.wp_id,
            as_json=self.as_json,
            is_last=False,
            actor=self.who,
        )

    def _refuse_other(self, seen: str | None, now: str | None) -> NoReturn:
        """End the process as refused: the submitted commit is not the reviewed one."""
        message = (
            f"{self.wp_id}: you reviewed {seen or 'no commit'}, but {now or 'no commit'} is submitted:"
            f" see the new work with"
            f" '{self.chosen.next(f'review {self.wp_id}')}'"
        )
        error = errors.TransitionRejected(message, guard="commit", to_lane=APPROVED)
        refuse("review", error, as_json=self.as_json)


def _can_be_reviewed(package: Mapping[str, Any], *, by: str) -> bool:
    lane = package["lane"]
    return bool(lane == "for_review" or (lane == "in_review" and package["reviewer"] == by))


def _approving(work: Mapping[str, Any], chosen: Chosen) -> str:
    """Return the command that approves the commit that was shown."""
    named = f" --commit {work['commit']}" if work["commit"] else ""
    return chosen.next(f"review {work['wp_id']} --approve{named}")


def _result(wp_id: str, verdict: str, *, reviewer: str, feedback: str | None) -> dict[str, Any]:
    result = {"reviewer": reviewer, "verdict": verdict, "reference": f"{wp_id} by {reviewer}"}
    if feedback:
        path = str(Path(feedback).resolve())
        result |= {"reference": path, "feedback_path": path}
    return result


def _verdict(*, approve: bool, request_changes: bool, as_json: bool) -> str | None:
    if approve and request_changes:
        problem = "--approve and --request-changes exclude each other"
        complain("review", problem, as_json=as_json)
    if approve:
        return APPROVED
    return CHANGES_REQUESTED if request_changes else None


def _check_said(verdict: str | None, *, has_note: bool, as_json: bool) -> None:
    if verdict == CHANGES_REQUESTED and not has_note:
        complain(
            "review",
            "the requested changes are missing: give --note or --feedback",
            as_json=as_json,
        )


def _said(typed: str) -> str:
    if not typed.strip():
        raise click.UsageError("say what to change")
    return typed


def _asked_verdict(work: Mapping[str, Any], chosen: Chosen) -> str | None:
    """Ask for a decision, after offering the diff. None: decide later."""
    from specify_cli.cli import work_shown

    can_page = bool(work["commit"] and work["base"])
    if can_page and click.confirm("Show the diff?", default=True, prompt_suffix=" "):
        work_shown.page_diff(work, chosen)
    question = "Approve, request changes, or quit? (a/c/q)"
    answers = {"a": APPROVED, "c": CHANGES_REQUESTED, "q": None}
    answer: str = click.prompt(
        question,
        prompt_suffix=" ",
        type=click.Choice([*answers], case_sensitive=False),
        show_choices=False,
    )
    return answers[answer]
