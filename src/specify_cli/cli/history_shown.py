"""Format the history of packages for people; control characters in it are escaped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from specify_cli.cli.ages import ago, utc
from specify_cli.cli.output import styled
from specify_cli.cli.work_shown import SHORT
from specify_cli.mailbox.printable import printable

INDENT = "    "
WIDEST_ACTOR = 24
PERSON = "spec-kitty-cli"
"""The orchestrator id that commands for people declare."""
VERDICTS = {"approved": "approved", "changes_requested": "changes requested"}


def lines(events: Sequence[Mapping[str, Any]], *, now: datetime, is_of_one: bool) -> Iterator[str]:
    """Yield the lines of the events, the newest event first; the package is named unless it `is_of_one`."""
    rows = [
        ((ago(event["at"], now), printable(utc(event["at"]))), printable(who(event)), event)
        for event in reversed(events)
    ]
    ages = max((len(age) for (age, _), _, _ in rows), default=0)
    actors = min(max((len(actor) for _, actor, _ in rows), default=0), WIDEST_ACTOR)
    for (age, at), actor, event in rows:
        package = "" if is_of_one else f"{printable(event.get('wp_id', '-')):<5} "
        start = styled(f"{at}  {age:>{ages}}", dim=True)
        yield f"{start}  {styled(f'{actor:<{actors}}', bold=True)}  {package}{_headline(event)}"
        yield from (f"{INDENT}{line}" for line in details(event))


def who(event: Mapping[str, Any]) -> str:
    """Return the actor, and the orchestrator if it is another program than that of people."""
    orchestrator = event.get("orchestrator", PERSON)
    name: str = event["actor"]
    return name if orchestrator in (PERSON, name) else f"{name} ({orchestrator})"


def details(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of the note, and where the review and its feedback are."""
    for line in event.get("note", "").strip().splitlines():
        yield printable(line.expandtabs(4))
    if event.get("is_cut"):
        yield "... the note is longer: see the event log"
    review = event.get("review", {})
    if review.get("feedback_path"):
        yield printable(f"feedback: {review['feedback_path']}")
    elif review.get("reference") not in (None, f"{event.get('wp_id')} by {review.get('reviewer')}"):
        # The reference of `spec-kitty review` says nothing new.
        yield printable(f"review: {review['reference']}")


def what(event: Mapping[str, Any]) -> str:
    """Return what happened, in words."""
    kind = event["kind"]
    if kind == "transition":
        return "; ".join(_move(event))
    if kind == "subtasks":
        return printable("; ".join(_marks(event["subtasks"])))
    commit = event.get("commit", "")[:SHORT]
    words = {"note": "note", "accepted": "mission accepted", "commit": f"commit {commit} recorded"}
    return words[kind]


def _headline(event: Mapping[str, Any]) -> str:
    return styled(what(event), fg="red") if event.get("forced") else what(event)


def _move(event: Mapping[str, Any]) -> Iterator[str]:
    yield f"{event['from_lane']} -> {event['to_lane']}"
    if event.get("forced"):
        yield "forced"
    if event.get("released_holder"):
        yield printable(f"claim of {event['released_holder']} released")
    review = event.get("review", {})
    verdict = review.get("verdict")
    if verdict and verdict != event["to_lane"]:
        by = review.get("reviewer")
        reviewer = f" by {by}" if by and by != event["actor"] else ""
        yield printable(f"{VERDICTS.get(verdict, verdict)}{reviewer}")
    if event.get("commit"):
        yield f"commit {event['commit'][:SHORT]}"


def _marks(subtasks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for word, is_done in (("done", True), ("pending", False)):
        names = [it["subtask_id"] for it in subtasks if it["done"] is is_done]
        if names:
            yield f"{', '.join(names)} {word}"
