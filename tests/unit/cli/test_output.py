"""A refusal names no flag that the command of the person does not have."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.cli.output import refusal_text as refusal

MESSAGE = "as at the other doors (--some-flag)"


def told(guard: str, word: str, *, done: int | None = None, total: int = 2) -> str:
    data = {"guard": guard, "from_lane": "blocked", "to_lane": "in_progress", "message": MESSAGE}
    package: dict[str, Any] | None = None
    if done is not None:
        package = {"wp_id": "WP01", "subtasks": {"done": done, "total": total}}
    return refusal(data, word=word, wp="WP01", package=package)


@pytest.mark.parametrize("word", ["implement", "implement --done", "review"])
@pytest.mark.parametrize(
    "guard",
    ["edge", "subtasks_and_evidence", "workspace", "review_approved", "review_result"],
)
def test_a_refusal_names_the_package_and_no_flag_of_another_command(guard: str, word: str):
    sentence = told(guard, word)

    assert sentence.startswith("WP01 ")
    assert "--" not in sentence.replace("implement --done", "")


def test_a_refusal_of_move_keeps_the_flags_in_the_message():
    assert told("edge", "move") == MESSAGE


def test_a_refusal_distinguishes_open_subtasks_from_missing_commits():
    open_steps, no_commit = (
        told("subtasks_and_evidence", "move", done=1),
        told("subtasks_and_evidence", "move", done=2),
    )

    assert "1 of 2" in open_steps
    assert "1 of 2" not in no_commit
    assert told("subtasks_and_evidence", "implement") not in {open_steps, no_commit}
