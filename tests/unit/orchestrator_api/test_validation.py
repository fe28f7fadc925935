"""Invalid arguments are explained in words, without regular expressions."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.orchestrator_api import arguments
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
def test_a_text_with_a_wrong_pattern_is_explained_in_words(
    params: Any, args: dict[str, Any], wanted: dict[str, str]
):
    _, complaints = validate(params, args)

    assert dict(complaints) == wanted


@pytest.mark.parametrize("name", ["policy", "correlation_id", "contract_version", "not_after"])
def test_a_request_field_among_the_arguments_is_refused_with_its_correct_place(name: str):
    refusal = arguments.complaint(AddPackageParams, name, "it is not known")

    assert f"the {name} of a request belongs next to 'args', not in it" in str(refusal)
    assert "did you mean" not in str(refusal)


def test_a_misspelled_request_field_is_refused_with_a_suggestion():
    refusal = arguments.complaint(AddPackageParams, "polici", "it is not known")

    assert str(refusal).endswith("; did you mean 'policy'?")
