"""The command that is suggested after `next:` fits the state and is not refused itself."""

from __future__ import annotations

import shutil

from tests.integration.people.suggestions import suggested
from tests.integration.stage import SLUG, Stage

STEPS = {"subtasks": ["T001"]}


def test_canceling_a_package_suggests_the_next_one(stage: Stage) -> None:
    stage.write_mission({"WP01": {}, "WP02": {}})

    canceled = stage.run("move", "WP01", "canceled", "--note", "not needed")

    assert suggested(canceled) == "implement WP02"


def test_refused_accept_suggests_the_unfinished_package(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01")
    stage.run("move", "WP01", "blocked")
    refused = stage.run("accept")

    assert refused.exit_code == 1
    assert suggested(refused) == "unblock WP01"


def test_open_subtasks_are_suggested_before_submission(stage: Stage) -> None:
    stage.write_mission({"WP01": STEPS})

    assert suggested(stage.run("implement", "WP01")) == "tasks done WP01"
    assert suggested(stage.run("implement", "WP01", "--done")) == "tasks done WP01"


def test_review_held_by_another_suggests_status(stage: Stage) -> None:
    slug = stage.write_mission({"WP01": {}, "WP02": {}})
    stage.run("implement", "WP01")
    stage.run("move", "WP01", "for_review", "--force", "--note", "test")
    stage.run("move", "WP01", "in_review", "--actor", "somebody")
    refused = stage.run("review", "WP01", "--approve", "--actor", "another")

    assert refused.exit_code == 1
    assert suggested(refused).startswith("status "), slug


def test_mission_without_packages_suggests_tasks(stage: Stage) -> None:
    stage.run("specify", "Search")

    assert suggested(stage.run("implement", "WP01")) == "tasks"


def test_finished_mission_suggests_status(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})

    over = stage.run("move", "WP01", "done", "--force", "--note", "merged by hand")

    assert suggested(over).startswith("status ")


def test_suggested_command_keeps_the_actor(stage: Stage) -> None:
    stage.write_mission({"WP01": STEPS, "WP02": {}})

    assert (
        suggested(stage.run("implement", "WP01", "--actor", "ann")) == "tasks done WP01 --actor ann"
    )
    ticked = stage.run("tasks", "done", "WP01", "--actor", "ann o'hara")
    assert suggested(ticked) == "implement WP02 --actor 'ann o'\"'\"'hara'"
    assert suggested(stage.run("implement", "WP02", "--actor", "ann")) == (
        "implement WP02 --done --actor ann"
    )


def test_submitting_a_package_of_another_is_refused_and_suggests_the_actor(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "cleo")
    stage.commit({"a.txt": "a\n"}, folder=stage.root / ".worktrees" / f"{SLUG}-lane-a")
    refused = stage.run("implement", "WP01", "--done", "--json")

    assert refused.code == "WP_ALREADY_CLAIMED"
    assert refused.envelope["data"]["claimed_by"] == "cleo"
    assert stage.lane("WP01") == "in_progress"

    remedy = suggested(stage.run("implement", "WP01", "--done"))
    assert remedy == "implement WP01 --done --actor cleo"
    assert stage.run(*remedy.split()).exit_code == 0
    assert stage.lane("WP01") == "for_review"

    sent_back = stage.run("review", "WP01", "--request-changes", "--note", "no", "--actor", "rev")
    assert suggested(sent_back) == "implement WP01 --actor cleo"


def test_command_suggested_in_a_workspace_names_the_mission(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.write_mission({"WP01": {}}, slug="002-other")
    stage.run("implement", "WP01", "--mission", SLUG)
    worktree = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.commit({"a.txt": "a\n"}, folder=worktree)

    done = stage.run("implement", "WP01", "--done", cwd=worktree)

    assert suggested(done) == f"review WP01 --mission {SLUG}"


def test_invalid_config_suggests_mailbox_access(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01")
    (stage.root / ".kitty" / "config.toml").write_text("self_reveiw = 'warn'\n")

    refused = stage.run("release-claim", "WP01", "--note", "gone", "--actor", "another")
    assert suggested(refused) == "mailbox access"


def test_incomplete_command_suggests_a_complete_one(stage: Stage) -> None:
    stage.run("init")
    assert suggested(stage.run("status")).startswith("specify ")
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "ann")
    assert suggested(stage.run("implement", "--actor", "bob")) == f"status {SLUG}"
    stage.write_mission({"WP01": {}, "WP02": {}}, slug="002-other")
    assert suggested(stage.run("implement")) == "mission list"


def test_advice_without_a_command_is_not_printed_as_next(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01")
    refused = stage.run("implement", "WP01", "--done")

    assert refused.exit_code == 1
    assert b"next:" not in refused.stderr
    assert b"commit your work in " in refused.stderr


def test_missing_workspace_is_created_again_by_the_suggested_command(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("implement", "WP01", "--actor", "ann")
    place = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    shutil.rmtree(place)
    refused = stage.run("implement", "WP01", "--done", "--actor", "ann")
    remedy = suggested(refused)

    assert f"its workspace {place} is missing".encode() in refused.stderr
    assert b"git switch" not in refused.stderr
    assert remedy == "implement WP01 --actor ann"
    assert stage.run(*remedy.split()).exit_code == 0
    assert place.is_dir()


def test_packages_forced_to_done_are_accepted_and_merged_as_suggested(stage: Stage) -> None:
    stage.write_mission({"WP01": {}, "WP02": {}})
    stage.run("implement", "WP01")
    stage.run("move", "WP02", "canceled", "--note", "not needed")
    forced = stage.run("move", "WP01", "done", "--force", "--note", "reviewed elsewhere")

    assert suggested(forced) == "accept"
    assert suggested(stage.run("accept")) == "merge"
    assert suggested(stage.run("merge")) == f"status {SLUG}"
    assert suggested(stage.run("accept")) == f"status {SLUG}"
