"""The kit reports each fault of a host by exactly the check meant for it."""

from __future__ import annotations

import pytest

from tests.campaign import sampled
from tests.integration.conformance.kit import broken, only, verdict
from tests.integration.stage import Stage

# Quick checks that run besides the expected one and must pass.
CLI_BESIDES = {"help-is-prose", "id-comes-back"}
MAILBOX_BESIDES = {"reply-is-an-envelope", "same-id-same-request", "names-set-aside", "expired"}
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
# A missing reply costs the whole timeout. Everything else takes a fraction of the first;
# the second is for a busy machine.
LOSERS = {"LosesMalformed", "LeavesFifos", "NoHeartbeat", "LosesWhatWaits"}
PATIENCE = (("--timeout-s", "6"), ("--timeout-s", "60"))


@pytest.mark.parametrize(("fault", "checks"), sampled(AT_COMMAND_LINE.items(), every=4))
def test_kit_reports_a_command_line_fault_by_its_check_only(
    fault: str, checks: set[str], stage: Stage
):
    asked = only(f"cli.{name}" for name in checks | CLI_BESIDES)

    found = verdict(stage, "--host", broken("broken_command_line.py", fault), *asked)

    assert found.failed == {f"cli.{name}" for name in checks}, found.words
    assert found.exit_code == 1


@pytest.mark.parametrize(("fault", "checks"), sampled(IN_MAILBOX.items(), every=4))
def test_kit_reports_a_mailbox_fault_by_its_check_only(fault: str, checks: set[str], stage: Stage):
    serve = broken("broken_worker.py", fault)
    asked = only(f"mailbox.{name}" for name in checks | MAILBOX_BESIDES)

    for patience in PATIENCE if fault in LOSERS else ((),):
        found = verdict(stage, "--serve", serve, *asked, *patience)
        if found.failed == {f"mailbox.{name}" for name in checks}:
            break

    assert found.failed == {f"mailbox.{name}" for name in checks}, found.words
    assert found.exit_code == 1
    assert not found.names("not asked")


def test_proxy_without_a_fault_conforms(stage: Stage):
    found = verdict(stage, "--serve", broken("broken_worker.py", "Between"), "--only", "mailbox.*")

    assert found.exit_code == 0, found.words
    assert {result["status"] for result in found.told["results"]} == {"passed"}
