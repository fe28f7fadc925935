"""Refusals in words for people: without the flags that only the other doors have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TAKES = {
    "implement": "planned or claimed",
    "implement --done": "in_progress",
    "review": "for_review",
}
"""Word to the lanes whose packages it takes."""

SENTENCES = {
    "workspace": "{wp} has no workspace yet: 'spec-kitty implement' makes it",
    "review_approved": "{wp} is in review: only a review approves it",
    "review_result": "{wp} is in review: only a review sends it back",
    "review_evidence": "{wp} is {from_lane}: only a review approves it, and only a merge ends it",
}
"""Guard to what it means, where its message names a flag that no word for people has."""


def refusal(
    data: Mapping[str, Any],
    *,
    word: str,
    wp: str | None,
    package: Mapping[str, Any] | None,
    missing_workspace: str | None = None,
) -> str:
    """What a person is told whom `word` refused to move `wp`; `package` is where it stands.

    `missing_workspace` is the path of its workspace where that is not there.
    """
    guard = data.get("guard")
    if guard == "edge" and word in TAKES:
        return f"{wp} is {data['from_lane']}: {word!r} takes packages that are {TAKES[word]}"
    if guard == "subtasks_and_evidence":
        return f"{wp} {_unproven(package, word, missing_workspace)}"
    if guard in SENTENCES:
        return SENTENCES[guard].format(wp=wp, from_lane=data["from_lane"])
    return str(data["message"])


def _unproven(package: Mapping[str, Any] | None, word: str, missing_workspace: str | None) -> str:
    if package is None:
        return "has open steps, or no commit of its own yet"
    steps = package["subtasks"]
    if steps["done"] < steps["total"]:
        return f"has open steps: {steps['done']} of {steps['total']} are done"
    if word == "move" and not steps["total"]:
        return "is handed over by 'spec-kitty implement --done'"
    if missing_workspace:
        return (
            f"has no commit of its own, and its workspace {missing_workspace} is not there:"
            " 'spec-kitty implement' makes it anew; commit the work in it"
        )
    return "has no commit of its own yet"
