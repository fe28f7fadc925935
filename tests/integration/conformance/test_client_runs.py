"""The kit observes orchestrators and reports each fault by the rule meant for it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from specify_cli.conformance import client_runs
from tests.campaign import sampled
from tests.integration.conformance.kit import broken, only, verdict
from tests.integration.examples.conftest import untouched
from tests.integration.stage import Stage

__all__ = ["untouched"]

EXAMPLE = Path(__file__).parents[3] / "examples" / "file_orchestrator.py"
PLACES = ["{inbox}", "{outbox}", "{mission}"]
# Fault, the runs besides the plain one in which it shows, and the rules that report it.
FAULTS: list[tuple[str, set[str], set[str]]] = [
    ("in-place", set(), {"writes-by-rename"}),
    ("wrong-name", set(), {"names"}),
    ("foreign-version", set(), {"contract-version", "completes"}),
    ("no-version", set(), {"contract-version", "completes"}),
    ("unknown-key", set(), {"known-keys", "completes"}),
    ("other-id", set(), {"id-is-the-name", "completes"}),
    ("repeated-key", set(), {"strict-json", "completes"}),
    ("wrong-argument", set(), {"arguments"}),
    ("reuses-id", set(), {"id-not-reused"}),
    ("impatient", {"slow"}, {"asks-once"}),
    ("does-not-wait", {"slow"}, {"waits-for-replies"}),
    ("removes-replies", set(), {"outbox-untouched"}),
    ("polls", set(), {"polls-with-measure"}),
    ("crashes", set(), {"completes"}),
    ("gives-up", {"slow", "away"}, {"survives-slow", "survives-away"}),
    ("minds-order", {"reordered"}, {"survives-reordered"}),
    ("minds-fields", {"added"}, {"survives-added"}),
    ("never-again", {"refused"}, {"honours-retryable"}),
    ("asks-under-old-id", {"refused"}, {"honours-retryable"}),
    ("reads-messages", {"refused", "reworded"}, {"ignores-wording"}),
]


def test_kit_passes_a_correct_client(stage: Stage):
    found = verdict(stage, "--client", broken("broken_client.py", "none", *PLACES))

    assert found.exit_code == 0, found.words
    assert {result["status"] for result in found.told["results"]} == {"passed"}


@pytest.mark.parametrize(("fault", "runs", "rules"), sampled(FAULTS, every=4))
def test_kit_reports_a_client_fault_by_its_rule_only(
    fault: str, runs: set[str], rules: set[str], stage: Stage
):
    """All rules that these runs can check are selected."""
    asked = only(rule.name for rule in client_runs.checks() if rule.requires <= {"plain", *runs})
    client = broken("broken_client.py", fault, *PLACES)

    found = verdict(stage, "--client", client, *asked)

    assert found.failed == {f"client.{name}" for name in rules}, found.words
    assert found.exit_code == 1


@pytest.mark.campaign
def test_example_orchestrator_conforms(stage: Stage, untouched: Path):
    client = shlex.join([sys.executable, str(EXAMPLE), *PLACES])

    found = verdict(stage, "--client", client, "--project", str(untouched))

    assert found.exit_code == 0, found.words
    assert not found.names("not seen")
