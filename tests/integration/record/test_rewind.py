"""`spec-kitty mission rewind` withdraws the last events, and git commands do not bring them back."""

from __future__ import annotations

import json

import pytest

from specify_cli.storage.layout import Layout
from tests.integration.stage import APPROVED, SLUG, Outcome, Stage


@pytest.fixture
def approved(stage: Stage) -> Stage:
    """WP01 is approved, and its log is committed; WP02 is planned."""
    folder = stage.write_mission(
        {"WP01": {"owned_files": ["src/one/**"]}, "WP02": {"owned_files": ["src/two/**"]}}
    )
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.approve("WP01", {"src/one/a.py": "1\n"})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "approved")
    return stage


def event_into(stage: Stage, lane: str) -> str:
    return next(str(it["event_id"]) for it in stage.events() if it.get("to_lane") == lane)


def rewind(stage: Stage, to: str, *words: str) -> Outcome:
    why = ("--reason", "approved by mistake", "--actor", "ada", "--yes")
    return stage.run("mission", "rewind", SLUG, "--to", to, *why, *words)


def test_rewind_returns_packages_to_their_former_status_lanes(approved: Stage) -> None:
    tip = approved.git("rev-parse", f"kitty/mission-{SLUG}-lane-a")
    before = approved.log().read_bytes()
    submitted = event_into(approved, "for_review")
    done = rewind(approved, submitted)
    assert done.exit_code == 0, done
    told = done.stdout.decode()
    assert "WP01: approved -> for_review" in told
    assert "in_review -> approved" in told
    assert approved.lane("WP01") == "for_review"
    last = approved.events()[-1]
    assert (last["event_type"], last["actor"], last["reason"], last["to_event"]) == (
        "MissionRewound",
        "ada",
        "approved by mistake",
        submitted,
    )
    line = approved.journal()[-1]
    assert (line["command"], line["actor"], line["args"]["to"]) == (
        "spec-kitty.rewind-mission",
        "ada",
        submitted,
    )
    assert approved.git("rev-parse", f"kitty/mission-{SLUG}-lane-a") == tip
    attic = Layout(approved.root).host
    assert any(it.read_bytes() == before for it in attic.rglob(f"{SLUG}-*"))
    assert approved.run("mailbox", "verify").exit_code == 0


@pytest.mark.parametrize(
    "words",
    [("checkout", "-f", "--", "."), ("reset", "-q", "--hard"), ("stash", "-q", "-u")],
    ids=lambda words: words[0],
)
def test_withdrawn_events_restored_by_git_do_not_count(
    approved: Stage, words: tuple[str, ...]
) -> None:
    assert rewind(approved, event_into(approved, "for_review")).exit_code == 0
    approved.git(*words)
    assert approved.lane("WP01") == "for_review"
    approved.done("append-history", mission=SLUG, wp="WP02", actor="ada", note="goes on")
    assert approved.lane("WP01") == "for_review"
    lanes = [it.get("to_lane") for it in approved.events()]
    assert "approved" not in lanes
    assert approved.ask("accept-mission", mission=SLUG, actor="ada")["success"] is False


def test_withdrawn_approval_appended_again_does_not_count(approved: Stage) -> None:
    approval = next(it for it in approved.events() if it.get("to_lane") == "approved")
    assert rewind(approved, event_into(approved, "for_review")).exit_code == 0
    with approved.log().open("a") as log:
        log.write(json.dumps(approval, indent=None, sort_keys=True) + "\n")
    assert approved.lane("WP01") == "for_review"
    approved.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="goes on")
    assert approved.lane("WP01") == "for_review"


def test_work_continues_after_a_rewind(approved: Stage) -> None:
    assert rewind(approved, event_into(approved, "for_review")).exit_code == 0
    review: dict[str, object] = {"mission": SLUG, "wp": "WP01", "actor": "reviewer"}
    approved.done("start-review", **review)
    approved.done("transition", **review, to="approved", review_result=APPROVED)
    assert approved.lane("WP01") == "approved"


def test_rewind_changes_nothing_without_yes(approved: Stage) -> None:
    event = event_into(approved, "for_review")
    before = approved.log().read_bytes()
    shown = approved.run("mission", "rewind", SLUG, "--to", event, "--dry-run", "--json")
    assert [it["what"] for it in shown.envelope["data"]["withdrawn"]][-1] == "in_review -> approved"
    refused = approved.run("mission", "rewind", SLUG, "--to", event, "--reason", "why")
    assert (refused.exit_code, b"give --yes" in refused.stderr) == (2, True)
    assert approved.log().read_bytes() == before
    assert approved.lane("WP01") == "approved"


def test_rewind_into_the_middle_of_a_step_is_refused(approved: Stage) -> None:
    refused = rewind(approved, event_into(approved, "claimed"))
    assert refused.exit_code == 2
    assert event_into(approved, "in_progress") in refused.stderr.decode()


def test_rewind_to_an_unknown_or_foreign_event_is_refused(approved: Stage) -> None:
    approved.write_mission({"WP01": {}}, slug="002-other")
    approved.done("append-history", mission="002-other", wp="WP01", actor="ada", note="n")
    other = approved.events("002-other")[-1]["event_id"]
    for event, why in (("E9", "has no event 'E9'"), (other, "belongs to mission 002-other")):
        refused = rewind(approved, event)
        assert (refused.exit_code, why in refused.stderr.decode()) == (2, True), refused
    event = event_into(approved, "approved")
    assert rewind(approved, event_into(approved, "for_review")).exit_code == 0
    assert "was withdrawn before" in rewind(approved, event).stderr.decode()


def test_rewind_of_work_in_progress_names_the_holder_and_needs_force(approved: Stage) -> None:
    approved.done("start-implementation", mission=SLUG, wp="WP02", actor="bo")
    event = event_into(approved, "for_review")
    refused = rewind(approved, event)
    assert refused.exit_code == 1
    assert "WP02 is in_progress, held by bo" in refused.stderr.decode()
    assert approved.lane("WP02") == "in_progress"
    assert rewind(approved, event, "--force").exit_code == 0
    assert approved.lane("WP02") == "planned"


def test_rewind_of_a_merged_mission_is_refused(approved: Stage) -> None:
    approved.done("transition", mission=SLUG, wp="WP02", to="canceled", actor="ada", note="no")
    event = event_into(approved, "for_review")
    approved.done("accept-mission", mission=SLUG, actor="ada")
    approved.done("merge-mission", mission=SLUG, actor="ada")
    refused = rewind(approved, event)
    assert refused.exit_code == 1
    assert "merged since" in refused.stderr.decode()
    assert approved.lane("WP01") == "done"


def test_repeated_rewind_has_nothing_to_do(approved: Stage) -> None:
    event = event_into(approved, "for_review")
    assert rewind(approved, event).exit_code == 0
    before = approved.log().read_bytes()
    for to in (event, str(approved.events()[-1]["event_id"])):
        again = rewind(approved, to)
        assert again.exit_code == 0, again
        assert again.stdout.decode() == f"{SLUG} is in its state after {to}: nothing to do\n"
        assert approved.log().read_bytes() == before
    shown = approved.run("mission", "rewind", SLUG, "--to", event)
    assert (shown.exit_code, b"nothing to do" in shown.stdout) == (0, True), shown
    earlier = rewind(approved, event_into(approved, "in_progress"))
    assert earlier.exit_code == 0, earlier
    assert [it.get("event_type") for it in approved.events()].count("MissionRewound") == 1


def test_repeated_rewind_restores_the_log_file(approved: Stage) -> None:
    event = event_into(approved, "for_review")
    old = approved.log().read_bytes()
    assert rewind(approved, event).exit_code == 0
    new = approved.log().read_bytes()
    approved.log().write_bytes(old)
    assert rewind(approved, event).exit_code == 0
    assert approved.log().read_bytes() == new


def test_rewind_to_the_last_event_has_nothing_to_do(approved: Stage) -> None:
    approved.done("start-implementation", mission=SLUG, wp="WP02", actor="ada")
    last = str(approved.events()[-1]["event_id"])
    done = rewind(approved, last)
    assert (done.exit_code, b"nothing to do" in done.stdout) == (0, True), done
    assert approved.lane("WP02") == "in_progress"


def test_rewind_by_the_holder_advises_force(approved: Stage) -> None:
    approved.done("start-implementation", mission=SLUG, wp="WP02", actor="ada")
    refused = rewind(approved, event_into(approved, "for_review"))
    assert refused.exit_code == 1
    assert "held by ada: that is you: use --force" in refused.stderr.decode()
    who = ("--to", event_into(approved, "for_review"), "--dry-run", "--json", "--actor", "ada")
    shown = approved.run("mission", "rewind", SLUG, *who)
    assert "that is you" in shown.envelope["data"]["obstacles"][0]
