"""Whoever follows the walk-through of the examples sees what it shows."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.patience import LONGEST_S
from tests.readme.console import fences, fits, steps
from tests.readme.following import follow

TEXT = (EXAMPLES / "README.md").read_text(encoding="utf-8")
STEPS = [step for session in fences(TEXT, "console") for step in steps(session)]


def test_every_command_prints_what_is_shown(tmp_path: Path):
    shutil.copytree(EXAMPLES, tmp_path / "clone" / "examples")

    printed = follow(STEPS, tmp_path / "clone", within_s=LONGEST_S)

    assert len(printed) == len(STEPS)
    for step, output in zip(STEPS, printed, strict=True):
        assert fits(step.shown, output), (step.command, output)


def test_every_example_is_listed_and_every_link_leads_somewhere():
    links = set(re.findall(r"\]\(([^)#:]+)\)", TEXT))
    beside = {link for link in links if "/" not in link}

    assert all((EXAMPLES / link).is_file() for link in links)
    assert beside == {path.name for path in EXAMPLES.glob("*.*")} - {"README.md"}
