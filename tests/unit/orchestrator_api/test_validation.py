"""Whoever gets an argument wrong is told so in words, and never shown a pattern."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.orchestrator_api.commands.add_package import AddPackageParams
from specify_cli.orchestrator_api.commands.mark_subtasks import MarkSubtasksParams
from specify_cli.orchestrator_api.validation import validate


@pytest.mark.parametrize(
    ("params", "args", "wanted"),
    [
        (AddPackageParams, {"mission": "1", "title": " "}, {"title": "it is blank"}),
        (
            MarkSubtasksParams,
            {"mission": "1", "subtasks": ["T001"], "status": "maybe", "actor": "coder"},
            {"status": "it must be done or pending"},
        ),
    ],
)
def test_text_of_the_wrong_pattern(params: Any, args: dict[str, Any], wanted: dict[str, str]):
    _, complaints = validate(params, args)

    assert dict(complaints) == wanted
