"""What a person is advised to type next is not refused itself."""

from __future__ import annotations

from tests.integration.stage import Outcome, Stage

STEPS = {"subtasks": ["T001"]}


def advised(answer: Outcome) -> str:
    lines = (answer.stdout + answer.stderr).decode().splitlines()
    found = [line for line in lines if line.startswith("next: spec-kitty ")]
    assert len(found) == 1, answer
    return found[0].removeprefix("next: spec-kitty ")


def test_canceled_package_leads_to_the_next_one(stage: Stage) -> None:
    stage.write_mission({"WP01": {}, "WP02": {}})

    canceled = stage.run("move", "WP01", "canceled", "--note", "not needed")

    assert advised(canceled) == "implement WP02"


def test_mission_is_not_accepted_while_something_is_unfinished(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01")
    stage.run("move", "WP01", "blocked")
    refused = stage.run("accept")

    assert refused.exit_code == 1
    assert advised(refused) == "move WP01 in_progress"


def test_open_steps_come_before_the_review(stage: Stage) -> None:
    stage.write_mission({"WP01": STEPS})

    assert advised(stage.run("implement", "WP01")) == "tasks done WP01"
    assert advised(stage.run("implement", "WP01", "--done")) == "tasks done WP01"


def test_review_that_somebody_holds_leads_to_the_board(stage: Stage) -> None:
    slug = stage.write_mission({"WP01": {}, "WP02": {}})
    stage.run("implement", "WP01")
    stage.run("move", "WP01", "for_review", "--force", "--note", "test")
    stage.run("move", "WP01", "in_review", "--actor", "somebody")
    refused = stage.run("review", "WP01", "--approve", "--actor", "another")

    assert refused.exit_code == 1
    assert advised(refused).startswith("status "), slug


def test_mission_without_packages_gets_some_first(stage: Stage) -> None:
    stage.run("specify", "Search")

    assert advised(stage.run("implement", "WP01")) == "tasks"


def test_mission_that_is_over_is_looked_at(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})

    over = stage.run("move", "WP01", "done", "--force", "--note", "merged by hand")

    assert advised(over).startswith("status ")
