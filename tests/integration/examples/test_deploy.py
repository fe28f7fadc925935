"""The container recipe is checked against the program; no container engine runs here."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import yaml

from tests.integration.stage import Stage

DEPLOY = Path(__file__).parents[3] / "examples" / "deploy"
RECIPE = (DEPLOY / "Containerfile").read_text()


def test_commands_of_the_container_recipe_are_valid(stage: Stage) -> None:
    start = json.loads(re.search(r"^CMD (\[.*\])$", RECIPE, re.M)[1])  # type: ignore[index]
    check = json.loads(re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", RECIPE, re.M)[1])  # type: ignore[index]
    assert stage.run(*start, "--once").exit_code == 0
    assert shlex.split(check[2])[:3] == ["spec-kitty", "mailbox", "status"]
    assert stage.run("mailbox", "status").exit_code == 2  # No worker runs now.
    compose = (DEPLOY / "compose.yaml").read_text()
    reload = re.search(r"exec worker spec-kitty (.*?)  ", compose)
    assert reload is not None
    assert stage.run(*shlex.split(reload[1])).exit_code == 2


def test_container_recipe_mounts_only_the_project() -> None:
    worker = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["worker"]
    assert worker["volumes"] == ["${PROJECT}:${PROJECT}"]
    assert worker["read_only"] is True
    assert worker["cap_drop"] == ["ALL"]
