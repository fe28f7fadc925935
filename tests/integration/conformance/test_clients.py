"""Orchestrators are looked on at, and each fault of theirs is found by the rule meant for it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from tests.examples.conftest import untouched
from tests.integration.conformance.kit import broken, verdict
from tests.integration.stage import Stage

__all__ = ["untouched"]

EXAMPLE = Path(__file__).parents[3] / "examples" / "file_orchestrator.py"
PLACES = ["{inbox}", "{outbox}", "{mission}"]
FAULTS = {
    "none": set(),
    "in-place": {"writes-by-rename"},
    "wrong-name": {"names", "completes"},
    "foreign-version": {"contract-version", "completes"},
    "no-version": {"contract-version", "completes"},
    "unknown-key": {"known-keys", "completes"},
    "other-id": {"id-is-the-name", "completes"},
    "repeated-key": {"strict-json", "completes"},
    "wrong-argument": {"arguments"},
    "reuses-id": {"id-not-reused"},
    "impatient": {"asks-once"},
    "does-not-wait": {"waits-for-replies"},
    "removes-replies": {"outbox-untouched"},
    "polls": {"polls-with-measure"},
    "crashes": {"completes"},
    "gives-up": {"survives-slow", "survives-away"},
    "minds-order": {"survives-reordered"},
    "minds-fields": {"survives-added"},
    "never-again": {"honours-retryable"},
    "asks-under-old-id": {"honours-retryable"},
    "reads-messages": {"ignores-wording"},
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("fault", "rules"), FAULTS.items())
def test_fault_of_a_client_is_found_by_its_rule(fault: str, rules: set[str], stage: Stage):
    client = broken("broken_client.py", fault, *PLACES)

    found = verdict(stage, "--client", client, "--timeout-s", "20")

    assert found.failed == {f"client.{name}" for name in rules}, found.words
    assert found.exit_code == bool(rules)
    if fault == "none":
        assert not found.names("not seen")


@pytest.mark.timeout(600)
def test_example_orchestrator_keeps_to_the_contract(stage: Stage, untouched: Path):
    client = shlex.join([sys.executable, str(EXAMPLE), *PLACES])

    found = verdict(stage, "--client", client, "--project", str(untouched))

    assert found.exit_code == 0, found.words
    assert not found.names("not seen")
