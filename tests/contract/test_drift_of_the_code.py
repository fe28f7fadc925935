"""A deviation of the code from the contract is detected by the check for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from specify_cli import errors
from specify_cli.conformance.documents import CONTRACT
from specify_cli.core.lanes import Lane
from specify_cli.errors import SpecKittyError
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.command import always
from specify_cli.orchestrator_api.commands.list_ready import ListReadyResult
from specify_cli.orchestrator_api.commands.transition import TransitionParams
from specify_cli.orchestrator_api.values import argument
from tests.contract.agreement import facts
from tests.contract.agreement.checks import CHECKS
from tests.contract.agreement.facts import CodeFacts, FlagFacts
from tests.contract.agreement.refusals import refusals_in_code


class _TeaCold(SpecKittyError):
    """A refusal that the contract does not have."""

    code = "TEA_COLD"


class _UsageAgain(SpecKittyError):
    """A second class for a code."""

    code = "USAGE_ERROR"


class _WiderParams(TransitionParams):
    """Arguments with an additional field."""

    colour: str | None = argument("What colour.", default=None)


class _WiderResult(ListReadyResult):
    """Data with an additional field."""

    colour: str


TRANSITION = registry.find("transition")


def _with_command(code: CodeFacts, name: str, **changes: Any) -> CodeFacts:
    changed = replace(code.commands[name], **changes)
    return replace(code, commands={**code.commands, name: changed})


def _with_lanes(code: CodeFacts, **changes: Any) -> CodeFacts:
    return replace(code, lanes=replace(code.lanes, **changes))


def _extra_error(code: CodeFacts) -> CodeFacts:
    return replace(code, errors=facts.error_facts({**vars(errors), "TeaCold": _TeaCold}))


def _second_class(code: CodeFacts) -> CodeFacts:
    return replace(code, errors=facts.error_facts({**vars(errors), "Again": _UsageAgain}))


def _missing_error(code: CodeFacts) -> CodeFacts:
    return replace(code, errors=code.errors[1:])


def _retryable(code: CodeFacts) -> CodeFacts:
    return replace(code, errors=[replace(error, retryable=True) for error in code.errors])


def _extra_argument(code: CodeFacts) -> CodeFacts:
    made = facts.command_facts(TRANSITION._replace(params=_WiderParams))
    return replace(code, commands={**code.commands, "transition": made})


def _extra_data(code: CodeFacts) -> CodeFacts:
    return _with_command(code, "list-ready", reply=TypeAdapter(_WiderResult).json_schema())


def _policy_for_every_move(code: CodeFacts) -> CodeFacts:
    made = facts.command_facts(TRANSITION._replace(needs_policy=always))
    return replace(code, commands={**code.commands, "transition": made})


def _renamed_flag(code: CodeFacts) -> CodeFacts:
    flags = dict(code.commands["start-review"].flags)
    flags["--reference"] = flags.pop("--review-ref")
    return _with_command(code, "start-review", flags=flags)


def _flag_without_negation(code: CodeFacts) -> CodeFacts:
    flag = FlagFacts(arg="subtasks_complete", type="boolean", negation=None)
    flags = {**code.commands["transition"].flags, "--subtasks-complete": flag}
    return _with_command(code, "transition", flags=flags)


def _dropped_command(code: CodeFacts) -> CodeFacts:
    kept = {name: made for name, made in code.commands.items() if name != "merge-mission"}
    return replace(code, commands=kept)


def _extra_move(code: CodeFacts) -> CodeFacts:
    return _with_lanes(code, moves={**code.lanes.moves, ("done", "planned"): "none"})


def _other_guard(code: CodeFacts) -> CodeFacts:
    moves = {**code.lanes.moves, (Lane.PLANNED.value, Lane.CLAIMED.value): "none"}
    return _with_lanes(code, moves=moves)


def _lenient_policy(code: CodeFacts) -> CodeFacts:
    return replace(code, check_policy=lambda policy, *, is_required: policy)


def _later_version(code: CodeFacts) -> CodeFacts:
    return replace(code, versions={**code.versions, "contract": "1.999.0"})


def _longer_envelope(code: CodeFacts) -> CodeFacts:
    return replace(code, envelope={**code.envelope, "host": "here"})


def _wider_request(code: CodeFacts) -> CodeFacts:
    return replace(code, request_optional=code.request_optional | {"colour"})


def _other_heartbeat(code: CodeFacts) -> CodeFacts:
    [beat] = code.written["worker"]
    return replace(code, written={**code.written, "worker": [{**beat, "mood": "fine"}]})


IN_THE_CODE: list[tuple[str, Callable[[CodeFacts], CodeFacts]]] = [
    ("error: codes are the same", _extra_error),
    ("error: codes are the same", _second_class),
    ("error: codes are the same", _missing_error),
    ("error: codes are retryable alike", _retryable),
    ("command: arguments have the stated shape", _extra_argument),
    ("command: flags are the same", _extra_argument),
    ("command: flags stand for the arguments", _extra_argument),
    ("command: data has the stated shape", _extra_data),
    ("command: commands change and declare the same", _policy_for_every_move),
    ("command: flags are the same", _renamed_flag),
    ("command: flags are the same", _flag_without_negation),
    ("command: commands are the same", _dropped_command),
    ("wire: envelopes know the commands", _dropped_command),
    ("lane: moves are the same", _extra_move),
    ("lane: moves are the same", _other_guard),
    ("policy: examples are judged as stated", _lenient_policy),
    ("document: versions are the same", _later_version),
    ("document: schemas of a release are unchanged", _later_version),
    ("wire: envelopes have the stated keys", _longer_envelope),
    ("wire: requests have the stated keys", _wider_request),
    ("wire: written files fit their schemas", _other_heartbeat),
    ("wire: written files have all stated fields", _other_heartbeat),
]


@pytest.mark.parametrize(("check", "plant"), IN_THE_CODE)
def test_a_deviation_of_the_code_is_detected(
    check: str, plant: Callable[[CodeFacts], CodeFacts], code: CodeFacts
) -> None:
    assert list(CHECKS[check](CONTRACT, plant(code)))


def test_an_undocumented_field_of_a_refusal_is_detected(code: CodeFacts, tmp_path: Path) -> None:
    (tmp_path / "rule.py").write_text(
        "def refuse(**details):\n    raise UsageError('no', **details)\n\n"
        "def judge():\n    refuse(colour='red', guard='tea', reason_code='tired')\n"
    )
    found = refusals_in_code(tmp_path)
    assert found.details["USAGE_ERROR"] == {"colour", "guard", "reason_code"}
    planted = replace(code, refusals=found)
    assert list(CHECKS["error: fields of refusals are the stated ones"](CONTRACT, planted))
    assert list(CHECKS["lane: guards are the same"](CONTRACT, planted))
    assert list(CHECKS["error: reason codes are the stated ones"](CONTRACT, planted))
