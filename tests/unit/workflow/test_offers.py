"""The commits that a workspace offers cannot be read because the disk fails once."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.workflow import offers
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.doors import answer, body

pytestmark = pytest.mark.long

WHO = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
HAND_IN = WHO | {"to": "for_review", "subtasks_complete": True}


def refused_once(monkeypatch: pytest.MonkeyPatch, stage: Stage, command: str, args: Any) -> Any:
    def refuse(*_: object) -> None:
        raise StorageFailed("the disk refused; nothing was changed")

    with monkeypatch.context() as patch:
        patch.setattr(offers, "open_mission", refuse)
        return answer(stage, body("one", command, args), stem="one", identity="default")


def test_a_submission_during_a_disk_failure_is_retryable(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.commit({"one.txt": "1\n"}, folder=stage.begin())
    refused = refused_once(monkeypatch, stage, "transition", HAND_IN)
    assert (refused["error_code"], refused["data"]["retryable"]) == ("STORAGE_FAILED", True)
    assert stage.done("transition", **HAND_IN)["to_lane"] == "for_review"


def test_a_merge_during_a_disk_failure_is_retryable(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    refused = refused_once(monkeypatch, stage, "merge-mission", {"mission": SLUG})
    assert (refused["error_code"], refused["data"]["retryable"]) == ("STORAGE_FAILED", True)
    assert stage.done("merge-mission", mission=SLUG)["merged"]
