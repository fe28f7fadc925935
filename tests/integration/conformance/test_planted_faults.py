"""Each fault of a host is found, by exactly the check that is meant for it."""

from __future__ import annotations

import pytest

from tests.integration.conformance.kit import broken, verdict
from tests.integration.stage import Stage

AT_COMMAND_LINE = {
    "wrong_exit_code": {"exit-codes"},
    "second_line": {"one-envelope"},
    "no_help": {"help-is-prose"},
    "abbreviates": {"no-abbreviation"},
    "deaf_to_environment": {"project-by-environment"},
    "loses_id": {"id-comes-back"},
    "answers_anew": {"same-id-same-answer"},
    "applies_twice": {"same-id-one-effect"},
    "knows_no_conflict": {"same-id-other-request"},
    "reads_write": {"reads-write-nothing"},
    "refusals_leave_events": {"refusals-leave-no-trace"},
    "two_winners": {"one-winner"},
    "breaks_chain": {"journal-chain"},
}
IN_MAILBOX = {
    "Between": set(),
    "RewritesReplies": {"reply-is-never-rewritten"},
    "PublishesInPieces": {"reply-appears-whole"},
    "LosesMalformed": {"malformed"},
    "WrongCode": {"expired"},
    "ServesEveryVersion": {"wrong-version"},
    "FollowsSymlinks": {"symlink-set-aside"},
    "ReadsHardLinks": {"hard-link-set-aside"},
    "LeavesFifos": {"fifo-set-aside"},
    "TakesTemporaries": {"temporary-names"},
    "Forgetful": {"same-id-one-effect"},
    "AnswersConflicts": {"same-id-other-request"},
    "OrdersByName": {"order"},
    "BreaksChain": {"journal-chain"},
    "NoHeartbeat": {"heartbeat-shape", "heartbeat-beats"},
    "StandsStill": {"heartbeat-beats"},
    "MisshapenHeartbeat": {"heartbeat-shape"},
    "LosesWhatWaits": {"killed-worker"},
}


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("fault", "checks"), AT_COMMAND_LINE.items())
def test_fault_at_the_command_line_is_found_by_its_check(
    fault: str, checks: set[str], stage: Stage
):
    found = verdict(stage, "--host", broken("broken_command_line.py", fault), "--only", "cli.*")

    assert found.failed == {f"cli.{name}" for name in checks}, found.words
    assert found.exit_code == 1


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("fault", "checks"), IN_MAILBOX.items())
def test_fault_in_the_mailbox_is_found_by_its_check(fault: str, checks: set[str], stage: Stage):
    serve = broken("broken_worker.py", fault)
    asked = ["--only", "mailbox.*", "--timeout-s", "15"]

    found = verdict(stage, "--serve", serve, *asked)

    assert found.failed == {f"mailbox.{name}" for name in checks}, found.words
    assert found.exit_code == bool(checks)
    assert not found.names("not asked")
