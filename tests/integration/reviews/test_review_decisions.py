"""Reviews: the reviewed commit, self-review, and feedback to the implementer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.stage import APPROVED, POLICY, SLUG, Stage, flags

BACK = APPROVED | {"verdict": "changes_requested"}


def setting(stage: Stage, line: str) -> None:
    (stage.root / ".kitty").mkdir(exist_ok=True)
    (stage.root / ".kitty/config.toml").write_text(line + "\n")


def move(stage: Stage, to: str, actor: str = "rev", **args: Any) -> dict[str, Any]:
    return stage.ask("transition", mission=SLUG, wp="WP01", to=to, actor=actor, **args)


def on_board(stage: Stage) -> dict[str, Any]:
    package: dict[str, Any] = stage.done("mission-state", mission=SLUG)["work_packages"][0]
    return package


def test_approval_of_a_commit_other_than_the_submitted_one_is_refused(
    stage: Stage, submitted: Path
) -> None:
    seen = stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")["commit"]
    stage.commit({"src/two.py": "two\n"}, folder=submitted)
    move(stage, "for_review", force=True, note="again")
    new = on_board(stage)["commit"]
    before = stage.events()
    for forced in (False, True):
        refused = move(
            stage, "approved", review_result=APPROVED, commit=seen, force=forced, note="x"
        )
        assert refused["error_code"] == "TRANSITION_REJECTED"
    stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")
    refused = move(stage, "approved", review_result=APPROVED, commit=seen)
    assert refused["data"]["guard"] == "commit"
    assert seen in refused["data"]["message"]
    assert new in refused["data"]["message"]
    assert len(stage.events()) == len(before) + 1
    assert move(stage, "approved", review_result=APPROVED, commit=new)["success"]


def test_transition_with_a_wrong_commit_is_refused(stage: Stage, submitted: Path) -> None:
    refused = move(stage, "blocked", commit="0" * 40)
    assert refused["data"]["guard"] == "commit"
    assert move(stage, "blocked", commit="short")["error_code"] == "USAGE_ERROR"
    assert on_board(stage)["lane"] == "for_review"


def test_command_line_takes_the_commit(stage: Stage, submitted: Path) -> None:
    words = flags(wp="WP01", to="approved", actor="rev", note="x", commit="0" * 40, policy=POLICY)
    assert stage.api("transition", *words, "--force").code == "TRANSITION_REJECTED"


def test_self_review_gives_a_warning_by_default(stage: Stage, submitted: Path) -> None:
    started = stage.done("start-review", mission=SLUG, wp="WP01", actor="ada")
    assert "self_review" in started["warnings"][0]
    result = APPROVED | {"reviewer": "ada"}
    once: dict[str, Any] = {
        "to": "approved",
        "actor": "ada",
        "review_result": result,
        "correlation_id": "one",
    }
    first = move(stage, **once)
    assert "self_review" in first["data"]["warnings"][0]
    assert move(stage, **once)["data"] == first["data"]


def test_self_review_can_be_allowed(stage: Stage, submitted: Path) -> None:
    setting(stage, 'self_review = "allow"')
    started = stage.done("start-review", mission=SLUG, wp="WP01", actor="ada")
    assert "warnings" not in started


def test_self_review_can_be_refused_for_every_command(stage: Stage, submitted: Path) -> None:
    setting(stage, 'self_review = "refuse"')
    refused = [
        stage.ask("start-review", mission=SLUG, wp="WP01", actor="ada"),
        move(stage, "in_review", actor="ada"),
        move(stage, "approved", actor="ada", review_result=APPROVED, force=True, note="x"),
        move(stage, "done", actor="ada", force=True, note="x"),
    ]
    assert [it["data"]["guard"] for it in refused] == ["self_review"] * 4
    by_hand = stage.run("review", "WP01", "--request-changes", "--note", "x", "--actor", "ada")
    assert by_hand.exit_code == 1
    assert b"implemented it" in by_hand.stderr
    stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")
    forged = APPROVED | {"reviewer": "ada"}
    assert move(stage, "approved", review_result=forged)["data"]["guard"] == "self_review"
    assert move(stage, "approved", review_result=APPROVED)["success"]


def test_feedback_is_shown_to_the_next_implementer(stage: Stage, submitted: Path) -> None:
    assert "feedback" not in on_board(stage)
    stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")
    result = BACK | {"feedback_path": "/etc/passwd"}
    assert move(stage, "in_progress", review_result=result, note="no test")["success"]
    told = on_board(stage)["feedback"]
    assert told == {
        "reviewer": "reviewer",
        "at": on_board(stage)["since"],
        "reference": "review-1",
        "feedback_path": "/etc/passwd",
        "text": "no test",
    }
    resumed = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    assert resumed["no_op"] is True
    assert resumed["feedback"] == told
    move(stage, "planned", note="somebody else")
    begun = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="bob")
    assert begun["feedback"] == told
    move(stage, "approved", force=True, note="good now")
    assert "feedback" not in on_board(stage)
