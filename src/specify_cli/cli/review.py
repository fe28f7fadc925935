"""`spec-kitty review`: a person looks at the work on a package, and judges it."""

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
"""Its whole name: an agent can make a commit whose name begins as another one's."""


@click.command()
@click.argument("wp", required=False)
@click.option("--approve", is_flag=True, help="The work is good.")
@click.option("--commit", help="The whole name of what you looked at; needed without a terminal.")
@click.option("--request-changes", is_flag=True, help="It goes back to work.")
@click.option("--note", help="What you found; needed to request changes.")
@click.option("--feedback", type=click.Path(exists=True, dir_okay=False), help="Or a file of it.")
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
    """Show the work that was handed in for the package WP, then record what you found.

    A terminal shows the commits and files, offers the difference, and asks. Nothing is claimed
    until you decide. Without a terminal and without a decision, it only shows. With --json the
    envelope is that of the last step, or of the one that was refused.

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
        note = click.prompt("What is to be changed?", prompt_suffix=" ", value_proc=_said)
    this.record(seen["data"]["commit"], decision, note=note, feedback=feedback)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Review:
    """The review of one package by one person."""

    wp_id: str
    chosen: Chosen
    who: str
    as_json: bool

    def check_lane(self) -> None:
        """Passes where the package waits for its review, or the person holds that."""
        package = advice.package_named(self.wp_id, advice.packages_of(self.chosen))
        if package is None or not _can_be_reviewed(package, by=self.who):
            # Refused in the host's words, unless somebody has handed it in just now.
            self._claim()

    def look(self, *, is_shown: bool) -> dict[str, Any]:
        """The envelope about the work, which was shown to a person."""
        from specify_cli.cli import work_shown

        envelope = envelope_of("show-work", mission=self.chosen.slug, wp=self.wp_id)
        work = settled(envelope, as_json=self.as_json)
        if is_shown and not self.as_json:
            work_shown.show(work)
        return envelope

    def check_commit(self, work: Mapping[str, Any], named: str | None, *, is_needed: bool) -> None:
        """Passes where the commit that is to be judged is the one that was looked at."""
        commit, look = work["commit"], self.chosen.next(f"review {self.wp_id}")
        if named is None:
            if commit and is_needed:
                problem = f"say what you looked at with --commit: {commit} would be approved"
                complain("review", f"{problem}; see '{look}'", as_json=self.as_json)
            return
        plain = named.strip().lower()
        if not WHOLE_COMMIT.fullmatch(plain):
            problem = f"--commit takes the whole name of the commit, as '{look}' shows it"
            complain("review", problem, as_json=self.as_json)
        if plain != commit:
            self._refuse_other(plain, commit)

    def record(
        self, commit: str | None, decision: str, *, note: str | None, feedback: str | None
    ) -> None:
        """The review is claimed, and the decision about `commit` recorded."""
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
            # Judged once more by the host, in the moment of the move.
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
        """The process ends as refused: what would be judged is not what was looked at."""
        message = (
            f"{self.wp_id}: you looked at {seen or 'no commit'}, and the review"
            f" is about {now or 'no commit'}: look again with"
            f" '{self.chosen.next(f'review {self.wp_id}')}'"
        )
        error = errors.TransitionRejected(message, guard="commit", to_lane=APPROVED)
        refuse("review", error, as_json=self.as_json)


def _can_be_reviewed(package: Mapping[str, Any], *, by: str) -> bool:
    lane = package["lane"]
    return bool(lane == "for_review" or (lane == "in_review" and package["reviewer"] == by))


def _approving(work: Mapping[str, Any], chosen: Chosen) -> str:
    """The command that approves what was shown."""
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
        problem = "say --approve or --request-changes, not both"
        complain("review", problem, as_json=as_json)
    if approve:
        return APPROVED
    return CHANGES_REQUESTED if request_changes else None


def _check_said(verdict: str | None, *, has_note: bool, as_json: bool) -> None:
    if verdict == CHANGES_REQUESTED and not has_note:
        complain("review", "say what to change: --note TEXT or --feedback FILE", as_json=as_json)


def _said(typed: str) -> str:
    if not typed.strip():
        raise click.UsageError("say what to change")
    return typed


def _asked_verdict(work: Mapping[str, Any], chosen: Chosen) -> str | None:
    """What the person decides, who may look at the difference first; None to decide later."""
    from specify_cli.cli import work_shown

    can_page = bool(work["commit"] and work["base"])
    if can_page and click.confirm("Show the difference?", default=True, prompt_suffix=" "):
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
