"""Requirements for policy metadata, and what is refused in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from specify_cli.conformance.documents import Contract
from specify_cli.errors import SpecKittyError
from tests.contract.agreement.facts import CodeFacts


def rules_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Fields, banned flags, secret words, shapes of credentials."""
    stated = contract.read("policy")
    said = {
        "required": list(stated["required"]),
        "optional": list(stated["optional"]),
        "banned_flags": stated["banned_flags"],
        "banned_flag_pattern": stated["banned_flag_pattern"]["pattern"],
        "secret_words": stated["secret_words"],
        "secret_word_pattern": stated["secret_word_pattern"]["pattern"],
        "harmless_phrase_pattern": stated["harmless_phrase_pattern"]["pattern"],
        "credential_patterns": {
            entry["name"]: {
                "pattern": entry["pattern"],
                "ignore_case": entry["ignore_case"],
                "needs": entry["needs"],
                "unless": entry["unless"],
            }
            for entry in stated["credential_patterns"]
        },
    }
    for what, rule in said.items():
        if rule != code.policy[what]:
            yield f"{what}: {rule} and {code.policy[what]}"


def the_schema_has_the_same_fields(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The shape of policy metadata."""
    schema = contract.schema("policy")
    required, optional = code.policy["required"], code.policy["optional"]
    if schema["required"] != required or list(schema["properties"]) != [*required, *optional]:
        yield "policy: its schema has other fields"


def examples_are_judged_as_stated(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Every example is accepted or refused at its field, and the refused value is not repeated."""
    cases = contract.read("policy-cases")
    for case in [*cases["accepted"], *cases["refused"], *cases["missing"]]:
        expected = case.get("error_code"), case.get("field")
        found, message = _judged(code, case.get("policy"))
        if found != expected:
            yield f"{case['title']}: expected {expected}, found {found}"
        if any(text in message for text in _long_texts(case.get("policy"))):
            yield f"{case['title']}: the refusal repeats what it refuses"


def texts_are_masked_as_stated(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Every text that is recorded for people has what looks like a credential masked, and nothing else."""
    for case in contract.read("policy-cases")["texts"]:
        found = code.mask(case["text"])
        if found != case["recorded"]:
            yield f"{case['title']}: expected {case['recorded']!r}, found {found!r}"


def patterns_are_for_any_engine(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """No pattern has look-around or back-references."""
    stated = contract.read("policy")
    shapes = stated["credential_patterns"]
    patterns = [
        *(stated[f"{name}_pattern"]["pattern"] for name in ("banned_flag", "secret_word")),
        stated["harmless_phrase_pattern"]["pattern"],
        *(x for shape in shapes for x in (shape["pattern"], *shape["needs"], *shape["unless"])),
    ]
    for pattern in patterns:
        if re.search(r"\(\?[^:]|\\[1-9bBAZzGkgpP]", pattern):
            yield f"{pattern}: not every engine has that"


def _judged(code: CodeFacts, policy: Any) -> tuple[tuple[str | None, object], str]:
    try:
        recorded = code.check_policy(policy, is_required=True)
    except SpecKittyError as error:
        return (error.code, error.details.get("field")), error.message + json.dumps(error.details)
    given = policy if isinstance(policy, dict) else {}
    whole = {"tool_restrictions": None} | given
    return (None, None if recorded == whole else "another policy"), ""


def _long_texts(value: Any) -> Iterator[str]:
    """Texts in the policy that no message contains by chance."""
    if isinstance(value, str) and len(value) >= 20:
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _long_texts(inner)
