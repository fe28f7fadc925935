"""Whoever follows the README sees what the README shows."""

from __future__ import annotations

from pathlib import Path

from tests.patience import LONGEST_S
from tests.readme.console import fences, fits, steps
from tests.readme.following import follow
from tests.readme.test_commands import README

SESSIONS = [step for session in fences(README, "console") for step in steps(session)]
SHOWN_FOLDER = "/home/you"


def test_every_command_prints_what_is_shown(tmp_path: Path):
    printed = follow(SESSIONS, tmp_path.resolve(), within_s=LONGEST_S)

    assert len(printed) == len(SESSIONS)
    told = [output.replace(str(tmp_path.resolve()), SHOWN_FOLDER) for output in printed]
    differing = [
        (step.command, output)
        for step, output in zip(SESSIONS, told, strict=True)
        if not fits(step.shown, output)
    ]
    assert differing == []
