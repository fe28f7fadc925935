"""The catalogue of errors, and the shape of refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from specify_cli.conformance.documents import Contract
from tests.contract.agreement.facts import CodeFacts

ALWAYS = {"message", "retryable"}
REASON_ROW = re.compile(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", re.MULTILINE)


def codes_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Each code is once in the catalogue, and has one class."""
    stated = [entry["code"] for entry in contract.read("errors")]
    made = [error.code for error in code.errors]
    if sorted(stated) != sorted(made):
        yield f"codes: {sorted(set(stated) ^ set(made)) or 'one of them twice'}"


def codes_are_retryable_alike(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """`retryable` is the same on both sides: a property of the code, except for some cases of one code."""
    made = {error.code: error.retryable for error in code.errors}
    for entry in contract.read("errors"):
        if made.get(entry["code"], entry["retryable"]) != entry["retryable"]:
            yield f"{entry['code']}: retryable at one side only"


def fields_of_refusals_are_the_stated_ones(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The code gives to a refusal the fields that the catalogue lists, and no others."""
    for entry in contract.read("errors"):
        about = {
            name for error in code.errors if error.code == entry["code"] for name in error.about
        }
        made = code.refusals.details.get(entry["code"], set()) | about
        if set(entry["details"]) != made:
            yield f"{entry['code']}: only one side has {sorted(set(entry['details']) ^ made)}"


def refusals_have_the_listed_fields(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The schema of refusals has the fields of all codes."""
    listed = {field for entry in contract.read("errors") for field in entry["details"]}
    described = set(contract.schema("refusal")["properties"])
    if described != listed | ALWAYS:
        yield f"refusal: {sorted(described ^ (listed | ALWAYS))}"


def reason_codes_are_the_stated_ones(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The schema of refusals has every `reason_code` of the code, and the text a row for each."""
    stated = contract.schema("refusal")["properties"]["reason_code"]["enum"]
    if not code.refusals.reason_codes <= set(stated):
        yield f"reason codes: the schema lacks {sorted(code.refusals.reason_codes - set(stated))}"
    told = REASON_ROW.findall(contract.texts()["orchestrator-api.md"])
    if told != stated:
        yield f"orchestrator-api.md: {told} instead of {stated}"


def envelopes_know_the_codes(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The envelope's schema has every code, with its `retryable` and only fields that it lists."""
    schema = contract.schema("envelope")
    entries = {entry["code"]: entry for entry in contract.read("errors")}
    if schema["properties"]["error_code"]["enum"] != [None, *entries]:
        yield "envelope: another list of codes"
    rules = {rule["if"]["properties"]["error_code"]["const"]: rule for rule in schema["allOf"]}
    if rules.keys() != entries.keys():
        yield f"envelope: no rule for {sorted(rules.keys() ^ entries.keys())}"
    for name in rules.keys() & entries.keys():
        yield from _rule(name, rules[name]["then"]["properties"]["data"], entries[name])


def _rule(name: str, data: dict[str, Any], entry: dict[str, Any]) -> Iterator[str]:
    usual = data.get("else", data)
    if usual["properties"]["retryable"]["const"] != entry["retryable"]:
        yield f"envelope: {name} is retryable at one side only"
    cases = data["if"]["properties"]["reason_code"]["enum"] if "if" in data else []
    if cases != entry.get("not_retryable_with", []):
        yield f"envelope: {name} is never retryable with other reasons"
    if not set(data["required"]) <= set(entry["details"]):
        yield f"envelope: {name} requires what it does not list"


def commands_list_known_codes(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The codes that a command may answer are in the catalogue, and in its order."""
    known = [entry["code"] for entry in contract.read("errors")]
    for name, command in contract.commands().items():
        if command["errors"] != [entry for entry in known if entry in command["errors"]]:
            yield f"{name}: its errors are not those of the catalogue in its order"
