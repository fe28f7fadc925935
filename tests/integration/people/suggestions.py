"""The command that the program suggests after `next:`."""

from __future__ import annotations

from tests.integration.stage import Outcome


def suggested(answer: Outcome) -> str:
    """The one suggested command, without `spec-kitty`."""
    lines = (answer.stdout + answer.stderr).decode().splitlines()
    found = [line for line in lines if line.startswith("next: spec-kitty ")]
    assert len(found) == 1, answer
    return found[0].removeprefix("next: spec-kitty ")
