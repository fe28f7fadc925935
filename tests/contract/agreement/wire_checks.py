"""Envelopes, requests, and what the host writes into a project."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from specify_cli.conformance.documents import Contract
from specify_cli.errors import SpecKittyError
from tests.contract.agreement import shapes
from tests.contract.agreement.facts import CodeFacts

STEM = "request-1"
REQUEST = {
    "contract_version": "1.3.0",
    "correlation_id": STEM,
    "command": "mission-state",
    "args": {},
}
MOMENTS = (
    "2026-11-22T18:00:00Z",
    "2026-11-22T18:00:00.123456+00:00",
    "2026-11-22T18:00:00+01:00",
    "2026-11-22 18:00:00Z",
    "2026-11-22T18:00Z",
    "2026-11-22",
    "soon",
    "",
)
REQUESTS: list[dict[str, Any]] = [
    REQUEST,
    *({**REQUEST, "not_after": moment} for moment in (*MOMENTS, None, 5)),
    *({name: REQUEST[name] for name in REQUEST if name != absent} for absent in REQUEST),
    *({**REQUEST, name: 7} for name in REQUEST),
    {**REQUEST, "policy": None},
    {**REQUEST, "unknown": 1},
    {**REQUEST, "args": []},
]
KINDS_OF_EVENT = {None: "move", "annotation": "annotation", "mission_accepted": "mission_accepted"}


def envelopes_have_the_stated_keys(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The seven keys, in their order."""
    schema = contract.schema("envelope")
    if not list(code.envelope) == list(schema["properties"]) == schema["required"]:
        yield f"envelope: {list(code.envelope)} and {list(schema['properties'])}"
    if schema["additionalProperties"] is not False:
        yield "envelope: it must be closed"


def envelopes_know_the_commands(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The names that an answer can have, and those that a request and a heartbeat can have."""
    names = [*code.commands, "unknown"]
    stated = contract.schema("envelope")["properties"]["command"]["enum"]
    if stated != [f"orchestrator-api.{name}" for name in names]:
        yield "envelope: another list of commands"
    if contract.schema("request")["properties"]["command"]["enum"] != list(code.commands):
        yield "request: another list of commands"
    worker = contract.schema("worker")["properties"]["commands"]["items"]
    if worker["enum"] != list(code.commands):
        yield "worker: another list of commands"


def requests_have_the_stated_keys(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The required and optional fields of a request file."""
    schema = contract.schema("request")
    if set(schema["required"]) != code.request_required:
        yield f"request: {schema['required']} and {code.request_required}"
    known = code.request_required | code.request_optional
    if set(schema["properties"]) != known or schema["additionalProperties"] is not False:
        yield f"request: {sorted(schema['properties'])} and {sorted(known)}"


def requests_are_read_as_stated(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """A request is accepted if and only if its schema allows it."""
    validator = _validator(contract.schema("request"))
    for body in REQUESTS:
        if validator.is_valid(body) != _is_read(code, body):
            yield f"request: {body} is read at one side only"


def written_files_fit_their_schemas(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Events, journal lines, the heartbeat and the plan of lanes, as a host has written them."""
    for name, values in code.written.items():
        validator = _validator(contract.schema(name))
        for value in values:
            for error in validator.iter_errors(value):
                yield f"{name}: {error.json_path}: {error.message[:200]}"


def written_files_have_all_stated_fields(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Every described field is written, and every written field is described."""
    for name, values in code.written.items():
        for part, described in _described(contract, name).items():
            written = {key for value in values if _part(name, value) == part for key in value}
            if written != described:
                yield f"{name} {part}: only one side has {sorted(written ^ described)}"


def the_journal_has_its_keys_in_order(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Fields are in the order of the schema and of the table in the text; optional fields may be absent."""
    schema = contract.schema("journal-line")
    stated, always = list(schema["properties"]), schema["required"]
    for line in code.written["journal-line"]:
        if list(line) != [key for key in stated if key in line or key in always]:
            yield f"journal: {list(line)} and {stated}"
    _, _, text = contract.texts()["mailbox.md"].partition("## The journal\n")
    rows = re.findall(r"^\| (`.+?) \|", text.partition("\n## ")[0], re.MULTILINE)
    told = [key for row in rows for key in re.findall(r"`(\w+)`", row)]
    if told != stated:
        yield f"mailbox.md: {told} and {stated}"


def _described(contract: Contract, name: str) -> dict[str, set[str]]:
    schema = contract.schema(name)
    if name != "event":
        return {"": set(schema["properties"])}
    return {part: set(schema["$defs"][part]["properties"]) for part in KINDS_OF_EVENT.values()}


def _part(name: str, value: dict[str, Any]) -> str:
    return KINDS_OF_EVENT[value.get("kind")] if name == "event" else ""


def _validator(schema: shapes.Schema) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FormatChecker())


def _is_read(code: CodeFacts, body: dict[str, Any]) -> bool:
    try:
        code.read_request(json.dumps(body).encode(), stem=STEM)
    except SpecKittyError:
        return False
    return True
