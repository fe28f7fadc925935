"""Concurrent releases, heartbeats and submissions of one package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.stage import POLICY, SLUG, Stage, flags, outcome


@pytest.fixture
def worked_on(stage: Stage) -> Stage:
    """WP01 is held by ada, who has made a commit."""
    stage.write_mission({"WP01": {}})
    begun = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    stage.commit({"src/one.py": "one\n"}, folder=Path(begun["workspace_path"]))
    return stage


def test_concurrent_releases_and_a_submission_have_one_winner(worked_on: Stage) -> None:
    gone = flags(wp="WP01", actor="carol", note="gone")
    asked = {
        "one": ["release-claim", *gone, "--force"],
        "two": ["release-claim", *gone, "--force"],
        "submit": ["transition", *flags(wp="WP01", actor="ada", to="for_review", policy=POLICY)],
        "beat": ["heartbeat", *flags(wp="WP01", actor="ada")],
    }
    begun = {x: worked_on.start("orchestrator-api", *it) for x, it in asked.items()}
    codes = {x: outcome(process).code for x, process in begun.items()}
    won = [x for x in ("one", "two", "submit") if codes[x] is None]
    assert len(won) == 1, codes
    assert set(codes.values()) <= {None, "TRANSITION_REJECTED"}
    assert worked_on.lane("WP01") == ("for_review" if won == ["submit"] else "planned")
    moves = [it["to_lane"] for it in worked_on.events()[2:]]
    assert moves == [worked_on.lane("WP01")]


def test_concurrent_releases_under_one_id_get_the_same_reply(worked_on: Stage) -> None:
    words = [*flags(wp="WP01", actor="carol", note="gone", correlation_id="one"), "--force"]
    begun = [worked_on.start("orchestrator-api", "release-claim", *words) for _ in range(2)]
    first, second = (outcome(process).envelope for process in begun)
    assert first == second
    assert first["data"]["released_holder"] == "ada"
    assert [it["to_lane"] for it in worked_on.events()[2:]] == ["planned"]
