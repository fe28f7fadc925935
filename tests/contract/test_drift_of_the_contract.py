"""A deviation of the contract from the code is detected: each check fails for a change that it must find."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from specify_cli.conformance.documents import ROOT, Contract
from specify_cli.orchestrator_api.envelope import CONTRACT_VERSION
from tests.contract.agreement.checks import CHECKS
from tests.contract.agreement.facts import CodeFacts

# By the name of a check, a change of one contract file: its name and the change of its content.
Change = Callable[[Any], Any]

IN_THE_CONTRACT: list[tuple[str, str, Change]] = [
    ("command: commands are the same", "commands", lambda d: d.pop()),
    (
        "command: commands change and declare the same",
        "commands",
        lambda d: d[4].update(policy="optional"),
    ),
    (
        "command: arguments have the stated shape",
        "schemas/commands/transition.request",
        lambda d: d["properties"].update(extra={"type": "string"}),
    ),
    (
        "command: arguments have the stated shape",
        "schemas/commands/append-history.request",
        lambda d: d["properties"]["note"].pop("pattern"),
    ),
    (
        "command: arguments have the stated shape",
        "schemas/commands/transition.request",
        lambda d: d["$defs"]["review_result"]["properties"]["verdict"]["enum"].pop(),
    ),
    (
        "command: data has the stated shape",
        "schemas/commands/accept-mission.reply",
        lambda d: d["properties"].pop("canceled_wps"),
    ),
    (
        "command: data has the stated shape",
        "schemas/commands/list-ready.reply",
        lambda d: d["properties"]["ready_work_packages"]["items"]["properties"].update(
            lane={"type": "integer"}
        ),
    ),
    (
        "command: data has the stated shape",
        "schemas/commands/mission-state.reply",
        lambda d: d["properties"]["summary"]["properties"].update(total={"type": "string"}),
    ),
    (
        "command: flags are the same",
        "commands",
        lambda d: d[6]["flags"][2].update(flag="--to-lane"),
    ),
    (
        "command: flags are the same",
        "commands",
        lambda d: d[6]["flags"][10].pop("negation"),
    ),
    (
        "command: flags stand for the arguments",
        "commands",
        lambda d: d[5]["flags"][2].update(required=False),
    ),
    (
        "command: flags stand for the arguments",
        "commands",
        lambda d: d[9]["flags"][2].update(default="squash"),
    ),
    (
        "command: flags beside the arguments are the stated ones",
        "commands",
        lambda d: d[7]["flags"].pop(),
    ),
    ("document: schemas are schemas", "schemas/worker", lambda d: d.update({"$id": "other.json"})),
    (
        "document: schemas of a release are unchanged",
        "schemas/worker",
        lambda d: d.update(title="Another title"),
    ),
    ("document: versions are the same", "digests", lambda d: d.update({"1.999.0": {}})),
    (
        "document: copies inside schemas are true",
        "schemas/envelope",
        lambda d: d["$defs"]["refusal"]["properties"].pop("guard"),
    ),
    (
        "document: cases cover every command and code",
        "errors",
        lambda d: d.append({"code": "NEW", "meaning": "m", "retryable": False, "details": []}),
    ),
    (
        "document: cases cover every command and code",
        "fixtures/cases/heartbeat/holder",
        lambda d: d["request"].update(command="mission-state"),
    ),
    (
        "document: cases answer what their command may",
        "commands",
        lambda d: d[9]["errors"].remove("PREFLIGHT_FAILED"),
    ),
    ("error: codes are the same", "errors", lambda d: d.pop()),
    ("error: codes are the same", "errors", lambda d: d.append(d[0])),
    ("error: codes are retryable alike", "errors", lambda d: d[0].update(retryable=True)),
    (
        "error: fields of refusals are the stated ones",
        "errors",
        lambda d: d[0]["details"].append("argument"),
    ),
    (
        "error: refusals have the listed fields",
        "schemas/refusal",
        lambda d: d["properties"].pop("candidates"),
    ),
    (
        "error: reason codes are the stated ones",
        "schemas/refusal",
        lambda d: d["properties"]["reason_code"]["enum"].append("tired"),
    ),
    (
        "error: envelopes know the codes",
        "schemas/envelope",
        lambda d: d["properties"]["error_code"]["enum"].pop(),
    ),
    ("error: envelopes know the codes", "schemas/envelope", lambda d: d["allOf"].pop()),
    ("error: commands list known codes", "commands", lambda d: d[0]["errors"].append("OTHER")),
    ("lane: lanes are the same", "lanes", lambda d: d["policy_required"].pop()),
    ("lane: lanes are the same", "lanes", lambda d: d["aliases"].update(todo="planned")),
    ("lane: moves are the same", "lanes", lambda d: d["moves"].pop()),
    ("lane: moves are the same", "lanes", lambda d: d["moves"][0].update(guard="none")),
    ("lane: guards are the same", "lanes", lambda d: d["guards"].pop("force_note")),
    ("lane: the text has the same table", "lanes", lambda d: d["moves"].pop()),
    ("policy: rules are the same", "policy", lambda d: d["banned_flags"].pop()),
    ("policy: rules are the same", "policy", lambda d: d["credential_patterns"].pop()),
    ("policy: the schema has the same fields", "schemas/policy", lambda d: d["required"].pop()),
    (
        "policy: examples are judged as stated",
        "policy-cases",
        lambda d: d["accepted"].append({"title": "a list", "policy": []}),
    ),
    (
        "policy: texts are masked as stated",
        "policy-cases",
        lambda d: d["texts"][0].update(recorded="other"),
    ),
    (
        "policy: patterns are for any engine",
        "policy",
        lambda d: d["credential_patterns"][0].update(pattern="(?=a)b"),
    ),
    (
        "wire: envelopes have the stated keys",
        "schemas/envelope",
        lambda d: d["properties"].update(host={"type": "string"}),
    ),
    (
        "wire: envelopes know the commands",
        "schemas/envelope",
        lambda d: d["properties"]["command"]["enum"].pop(0),
    ),
    (
        "wire: requests have the stated keys",
        "schemas/request",
        lambda d: d["properties"].pop("not_after"),
    ),
    (
        "wire: requests are read as stated",
        "schemas/request",
        lambda d: d["properties"]["not_after"]["oneOf"].pop(),
    ),
    (
        "wire: written files fit their schemas",
        "schemas/worker",
        lambda d: d["properties"]["state"]["enum"].remove("stopped"),
    ),
    (
        "wire: written files have all stated fields",
        "schemas/event",
        lambda d: d["$defs"]["move"]["properties"].update(colour={"type": "string"}),
    ),
    (
        "wire: written files have all stated fields",
        "schemas/lanes-file",
        lambda d: d["properties"].pop("computed_at"),
    ),
    (
        "wire: the journal has its keys in order",
        "schemas/journal-line",
        lambda d: d["properties"].update(seq=d["properties"].pop("seq")),
    ),
]


def planted_in(folder: Path, name: str, change: Change) -> Contract:
    """A copy of the contract, released, in which one file is changed afterwards."""
    copy = Contract(Path(shutil.copytree(ROOT, folder / "contract")) / "v1")
    release(copy)
    path = copy.folder / f"{name}.json"
    content = json.loads(path.read_bytes())
    change(content)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return copy


def release(contract: Contract) -> None:
    """Seal the newest version, as at a release."""
    changelog, sealed = contract.folder.parent / "CHANGELOG.md", contract.read("digests")
    changelog.write_text(changelog.read_text("utf-8").replace(" (unreleased)", "", 1), "utf-8")
    sealed[CONTRACT_VERSION] = {
        path.relative_to(contract.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in contract.schema_files()
    }
    (contract.folder / "digests.json").write_text(json.dumps(sealed), "utf-8")


def test_a_released_contract_agrees_with_the_code(code: CodeFacts, tmp_path: Path) -> None:
    released = planted_in(tmp_path, "digests", lambda d: None)
    assert [complaint for check in CHECKS.values() for complaint in check(released, code)] == []


@pytest.mark.parametrize(("check", "name", "change"), IN_THE_CONTRACT)
def test_a_deviation_of_the_contract_is_detected(
    check: str, name: str, change: Change, code: CodeFacts, tmp_path: Path
) -> None:
    assert list(CHECKS[check](planted_in(tmp_path, name, change), code))


def test_every_check_has_a_case_that_fails() -> None:
    assert {check for check, _, _ in IN_THE_CONTRACT} == set(CHECKS)
