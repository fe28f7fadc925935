"""What a person is advised to type next is not refused itself."""

from __future__ import annotations

import shutil

from tests.integration.stage import SLUG, Outcome, Stage

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
    assert advised(refused) == "unblock WP01"


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


def test_advice_keeps_the_actor_that_was_named(stage: Stage) -> None:
    stage.write_mission({"WP01": STEPS, "WP02": {}})

    assert (
        advised(stage.run("implement", "WP01", "--actor", "ann")) == "tasks done WP01 --actor ann"
    )
    ticked = stage.run("tasks", "done", "WP01", "--actor", "ann o'hara")
    assert advised(ticked) == "implement WP02 --actor 'ann o'\"'\"'hara'"
    assert advised(stage.run("implement", "WP02", "--actor", "ann")) == (
        "implement WP02 --done --actor ann"
    )


def test_package_of_somebody_else_is_not_handed_in_by_mistake(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "cleo")
    stage.commit({"a.txt": "a\n"}, folder=stage.root / ".worktrees" / f"{SLUG}-lane-a")
    refused = stage.run("implement", "WP01", "--done", "--json")

    assert refused.code == "WP_ALREADY_CLAIMED"
    assert refused.envelope["data"]["claimed_by"] == "cleo"
    assert stage.lane("WP01") == "in_progress"

    remedy = advised(stage.run("implement", "WP01", "--done"))
    assert remedy == "implement WP01 --done --actor cleo"
    assert stage.run(*remedy.split()).exit_code == 0
    assert stage.lane("WP01") == "for_review"

    sent_back = stage.run("review", "WP01", "--request-changes", "--note", "no", "--actor", "rev")
    assert advised(sent_back) == "implement WP01 --actor cleo"


def test_mission_that_the_worktree_told_is_named_to_who_stands_elsewhere(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.write_mission({"WP01": {}}, slug="002-other")
    stage.run("implement", "WP01", "--mission", SLUG)
    worktree = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.commit({"a.txt": "a\n"}, folder=worktree)

    done = stage.run("implement", "WP01", "--done", cwd=worktree)

    assert advised(done) == f"review WP01 --mission {SLUG}"


def test_damaged_config_leads_to_what_names_the_damage(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01")
    (stage.root / ".kitty" / "config.toml").write_text("self_reveiw = 'warn'\n")

    refused = stage.run("release-claim", "WP01", "--note", "gone", "--actor", "another")
    assert advised(refused) == "mailbox access"


def test_whoever_names_too_little_is_told_what_to_type(stage: Stage) -> None:
    stage.run("init")
    assert advised(stage.run("status")).startswith("specify ")
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "ann")
    assert advised(stage.run("implement", "--actor", "bob")) == f"status {SLUG}"
    stage.write_mission({"WP01": {}, "WP02": {}}, slug="002-other")
    assert advised(stage.run("implement")) == "mission list"


def test_what_is_not_a_command_is_not_called_the_next_one(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01")
    refused = stage.run("implement", "WP01", "--done")

    assert refused.exit_code == 1
    assert b"next:" not in refused.stderr
    assert b"commit your work in " in refused.stderr


def test_workspace_that_is_gone_is_made_anew_by_the_command_that_is_told(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "ann")
    place = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    shutil.rmtree(place)
    refused = stage.run("implement", "WP01", "--done", "--actor", "ann")
    remedy = advised(refused)

    assert f"its workspace {place} is missing".encode() in refused.stderr
    assert b"git switch" not in refused.stderr
    assert remedy == "implement WP01 --actor ann"
    assert stage.run(*remedy.split()).exit_code == 0
    assert place.is_dir()


def test_work_of_packages_that_were_forced_to_done_is_accepted_and_merged(stage: Stage) -> None:
    stage.write_mission({"WP01": {}, "WP02": {}})
    stage.run("implement", "WP01")
    stage.run("move", "WP02", "canceled", "--note", "not needed")
    forced = stage.run("move", "WP01", "done", "--force", "--note", "reviewed elsewhere")

    assert advised(forced) == "accept"
    assert advised(stage.run("accept")) == "merge"
    assert advised(stage.run("merge")) == f"status {SLUG}"
    assert advised(stage.run("accept")) == f"status {SLUG}"
