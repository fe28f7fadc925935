"""Releases of stale claims, with real git, through every interface."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from tests.integration.claims.claims import (
    RULE,
    WHY,
    Clock,
    beat,
    move,
    on_board,
    release,
    set_rule,
    start,
)
from tests.integration.stage import APPROVED, POLICY, SLUG, Stage, flags
from tests.unit.orchestrator_api.doors import KilledHost, answer, body, committed_before_the_answer


def test_claim_becomes_stale_exactly_after_stale_after_s(
    stage: Stage, held: Path, clock: Clock
) -> None:
    assert release(stage)["data"]["guard"] == "not_stale"
    set_rule(stage)
    clock.pass_by(seconds=7199)
    early = release(stage)
    assert early["data"]["stale_at"] == "2030-05-06T14:00:00.000000+00:00"
    assert "stale" not in on_board(stage)
    clock.pass_by(seconds=1)
    assert on_board(stage)["stale"] is True
    assert release(stage)["data"]["released_holder"] == "ada"


def test_heartbeat_keeps_the_claim(stage: Stage, held: Path, clock: Clock) -> None:
    set_rule(stage)
    for _ in range(5):
        clock.pass_by(hours=1)
        assert beat(stage)["success"]
    assert "stale" not in on_board(stage)
    assert release(stage)["data"]["guard"] == "not_stale"


def test_release_is_recorded_as_a_forced_transition_by_the_releasing_actor(
    stage: Stage, held: Path
) -> None:
    assert release(stage, force=True)["success"]
    event = stage.events()[-1]
    assert (event["from_lane"], event["to_lane"]) == ("in_progress", "planned")
    assert (event["actor"], event["force"], event["reason"]) == ("carol", True, WHY["note"])
    assert event["released_holder"] == "ada"
    assert on_board(stage)["claimed_by"] is None


def test_release_frees_the_execution_lane_and_keeps_the_work(stage: Stage, held: Path) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    work = stage.git("rev-parse", "HEAD", folder=held)
    assert start(stage, "bob", "WP02")["data"]["occupied_by"] == "WP01"
    assert release(stage, force=True)["success"]
    other = Path(start(stage, "bob", "WP02")["data"]["workspace_path"])
    assert not (other / "src/one.py").exists()
    assert stage.ask("transition", mission=SLUG, wp="WP02", actor="bob", to="blocked")["success"]
    again = Path(start(stage, "bob")["data"]["workspace_path"])
    assert (again / "src/one.py").read_text() == "one\n"
    assert work in stage.git("rev-list", "HEAD", folder=again)


@pytest.mark.parametrize("lost", ["branch", "workspace", "both"])
def test_claim_with_a_lost_branch_or_workspace_can_be_released_by_force(
    stage: Stage, held: Path, lost: str
) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    if lost != "branch":
        shutil.rmtree(held)
    if lost != "workspace":
        stage.git("update-ref", "-d", f"refs/heads/kitty/mission-{SLUG}-lane-a")
    assert release(stage, force=True)["data"]["to_lane"] == "planned"
    assert on_board(stage)["claimed_by"] is None


def test_released_review_keeps_the_submitted_commit(stage: Stage, held: Path) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    move(stage, "ada", "for_review")
    work = on_board(stage)["commit"]
    stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")
    stage.commit({"src/late.py": "late\n", ".kitty/config.toml": "x\n"}, folder=held)
    data = release(stage, force=True)["data"]
    assert (data["from_lane"], data["to_lane"], data["released_holder"]) == (
        "in_review", "for_review", "rev",
    )  # fmt: skip
    assert on_board(stage)["commit"] == work
    late = move(stage, "rev", "approved", force=True, note="late", review_result=APPROVED)
    assert late["error_code"] == "WP_ALREADY_CLAIMED"
    stage.done("start-review", mission=SLUG, wp="WP01", actor="two")
    late = move(stage, "rev", "approved", review_result=APPROVED)
    assert late["data"]["claimed_by"] == "two"
    passed = move(stage, "two", "approved", review_result=APPROVED)
    assert passed["success"]
    assert on_board(stage)["commit"] == work


def test_late_requests_of_the_former_holder_are_refused_naming_the_new_holder(
    stage: Stage, held: Path
) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    release(stage, force=True)
    start(stage, "bob")
    before = stage.events()
    late = [
        move(stage, "ada", "for_review"),
        move(stage, "ada", "for_review", force=True, note="late"),
        move(stage, "ada", "planned", note="late"),
        move(stage, "ada", "blocked"),
        start(stage, "ada"),
        stage.ask("start-review", mission=SLUG, wp="WP01", actor="ada"),
        stage.ask("append-history", mission=SLUG, wp="WP01", actor="ada", note="late"),
        beat(stage),
    ]
    assert {it["error_code"] for it in late} == {"WP_ALREADY_CLAIMED"}
    assert {it["data"]["claimed_by"] for it in late} == {"bob"}
    assert stage.events() == before
    assert move(stage, "bob", "for_review")["success"]


def test_former_holder_can_claim_a_released_package_again(stage: Stage, held: Path) -> None:
    release(stage, force=True)
    assert (
        move(stage, "ada", "for_review", force=True, note="x")["data"]["guard"] == "claim_released"
    )
    assert beat(stage)["data"]["guard"] == "claim_released"
    assert start(stage, "ada")["success"]
    assert beat(stage)["success"]
    stage.commit({"src/one.py": "one\n"}, folder=held)
    assert move(stage, "ada", "for_review")["success"]


def test_subtasks_that_the_former_holder_marks_late_are_refused(stage: Stage, clock: Clock) -> None:
    stage.write_mission({"WP01": {"subtasks": ["T001"]}})
    start(stage, "ada")
    release(stage, force=True)
    start(stage, "bob")
    tick: dict[str, Any] = {"mission": SLUG, "subtasks": ["T001"], "status": "done"}
    late = stage.ask("mark-subtasks", policy=None, actor="ada", **tick)
    assert late["error_code"] == "WP_ALREADY_CLAIMED"
    assert late["data"]["wp_id"] == "WP01"
    assert stage.ask("mark-subtasks", policy=None, actor="bob", **tick)["success"]


def test_orchestrator_can_move_a_package_that_was_released_and_claimed_again(
    stage: Stage, held: Path
) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    release(stage, force=True)
    start(stage, "bob")
    assert move(stage, "orchestrator", "for_review")["success"]


# Interrupted and repeated requests.


def test_repeated_release_under_the_same_id_changes_nothing(stage: Stage, held: Path) -> None:
    first = release(stage, force=True, correlation_id="one")
    start(stage, "bob")
    before = stage.events()
    assert release(stage, force=True, correlation_id="one") == first
    assert stage.events() == before
    assert on_board(stage)["claimed_by"] == "bob"


def interrupted(stage: Stage, args: dict[str, Any]) -> None:
    """The release `one` took effect, and its host was killed before it recorded the answer."""
    raw = body("one", "release-claim", args, policy=None)
    with pytest.raises(StorageFailed), committed_before_the_answer():
        Dispatcher(KilledHost(stage.root)).answer_bytes(raw, stem="one", identity="default")


def interrupted_and_claimed(
    stage: Stage, clock: Clock
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The arguments of an interrupted release, and the events after bob has claimed the package."""
    set_rule(stage)
    clock.pass_by(hours=3)
    args = {"mission": SLUG, "wp": "WP01", "actor": "carol", **WHY}
    interrupted(stage, args)
    start(stage, "bob")
    return args, stage.events()


def test_interrupted_release_is_completed_once(stage: Stage, held: Path, clock: Clock) -> None:
    args, before = interrupted_and_claimed(stage, clock)
    raw = body("one", "release-claim", args, policy=None)
    again = answer(stage, raw, stem="one", identity="default")
    assert again["data"]["released_holder"] == "ada"
    assert stage.events() == before
    assert on_board(stage)["claimed_by"] == "bob"


def test_different_release_under_the_id_of_an_interrupted_one_conflicts(
    stage: Stage, held: Path, clock: Clock
) -> None:
    args, before = interrupted_and_claimed(stage, clock)
    clock.pass_by(hours=3)
    raw = body("one", "release-claim", args | {"note": "other"}, policy=None)
    other = answer(stage, raw, stem="one", identity="default")
    assert other["error_code"] == "CORRELATION_ID_CONFLICT"
    assert stage.events() == before


# Access.


@pytest.mark.parametrize("config", ["", "[orchestrators.default]\ncommands = ['all']", RULE])
def test_orchestrators_in_a_mailbox_cannot_release_by_force(
    stage: Stage, held: Path, config: str
) -> None:
    if config:
        set_rule(stage, config)
    args = {"mission": SLUG, "wp": "WP01", "actor": "carol", "force": True, **WHY}
    raw = body("one", "release-claim", args, policy=None)
    refused = answer(stage, raw, stem="one", identity="default")
    assert refused["error_code"] == "NOT_AUTHORIZED"
    assert on_board(stage)["claimed_by"] == "ada"


def test_release_requires_a_grant_of_the_command_and_the_actor(
    stage: Stage, held: Path, clock: Clock
) -> None:
    grant = "[orchestrators.nightly]\ncommands = ['{}']\nactors = ['nightly-*']"
    clock.pass_by(hours=3)
    codes = []
    for number, (command, actor) in enumerate(
        [("transition", "nightly-1"), ("release-claim", "carol"), ("release-claim", "nightly-1")]
    ):
        set_rule(stage, f"{RULE}\n{grant.format(command)}")
        args = {"mission": SLUG, "wp": "WP01", "actor": actor, **WHY}
        raw = body(f"id{number}", "release-claim", args, policy=None)
        codes.append(answer(stage, raw, stem=f"id{number}", identity="nightly")["error_code"])
    assert codes == ["NOT_AUTHORIZED", "NOT_AUTHORIZED", None]


# The command line.


def test_heartbeat_and_release_claim_work_at_the_command_line(stage: Stage, held: Path) -> None:
    assert stage.api("heartbeat", *flags(wp="WP01", actor="ada", policy=POLICY)).code is None
    assert stage.api("heartbeat", *flags(wp="WP01", actor="bob")).code == "WP_ALREADY_CLAIMED"
    words = flags(wp="WP01", actor="carol", note="gone", policy=POLICY)
    assert stage.api("release-claim", *words).code == "TRANSITION_REJECTED"
    assert stage.api("release-claim", *words, "--force").code is None
    assert stage.events()[-1]["policy_metadata"]["orchestrator_id"] == "nightly"
