"""Refusals with a `reason_code`, as a host answers them, fit the schema of the envelope."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from specify_cli.conformance.documents import CONTRACT
from specify_cli.errors import LaneAllocationFailed, LaneLost, SpecKittyError, TransitionRejected
from specify_cli.orchestrator_api.envelope import refused

REFUSAL = CONTRACT.schema("refusal")["properties"]
CODES = REFUSAL["reason_code"]["enum"]
OF_LOST_WORK = ("lane_lost", "dependency_lost", "branch_damaged")


def envelope_is_valid(error: SpecKittyError, **changed: object) -> bool:
    envelope = refused("orchestrator-api.transition", "id", error)
    envelope["data"] |= {"mission_slug": "001-a", "wp_id": "WP01", **changed}
    return Draft202012Validator(CONTRACT.schema("envelope")).is_valid(envelope)


@pytest.mark.parametrize("code", CODES)
def test_a_failed_workspace_is_retryable_unless_work_is_lost(code: str) -> None:
    kind = LaneLost if code in OF_LOST_WORK else LaneAllocationFailed
    error = kind("no", reason="why", reason_code=code, files=["a"], lane_id="lane-a")

    assert envelope_is_valid(error)
    assert not envelope_is_valid(error, retryable=not kind.retryable)


@pytest.mark.parametrize("files", [[], ["a.txt"]])
@pytest.mark.parametrize("code", CODES)
def test_a_submission_with_refused_commits_has_a_reason_code(code: str, files: list[str]) -> None:
    error = TransitionRejected(
        "no",
        from_lane="in_progress",
        to_lane="for_review",
        guard="intake",
        reason_code=code,
        files=files,
    )

    assert envelope_is_valid(error)
    assert not envelope_is_valid(error, retryable=True)
