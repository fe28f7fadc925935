"""The contract's files among themselves: versions, digests, copies, and what the cases cover."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from jsonschema import Draft202012Validator

from specify_cli.conformance.cases import all_cases
from specify_cli.conformance.documents import Contract
from tests.contract.agreement.facts import CodeFacts

COPIES = {
    "refusal": "refusal",
    "policy": "policy",
    "evidence": "evidence",
    "review_result": "review-result",
}
ABOUT_THE_FILE = ("$schema", "$id", "title")


def schemas_are_schemas(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Every schema is valid JSON Schema 2020-12, and its id is its file name."""
    for path in contract.schema_files():
        name = path.relative_to(contract.folder / "schemas").as_posix()
        schema = contract.schema(name.removesuffix(".json"))
        Draft202012Validator.check_schema(schema)
        if schema["$id"] != name or not schema["$schema"].endswith("/2020-12/schema"):
            yield f"{name}: it is called {schema['$id']}"


def schemas_of_a_release_are_unchanged(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The bytes of every schema are those that were released; an unreleased version has none yet."""
    if _is_unreleased(contract) and _changelog_versions(contract)[0] == code.versions["contract"]:
        return
    sealed = contract.read("digests").get(code.versions["contract"], {})
    found = {
        path.relative_to(contract.folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in contract.schema_files()
    }
    for name in sorted(sealed.keys() | found.keys()):
        if sealed.get(name) != found.get(name):
            yield f"{name}: a released schema never changes under its version"


def versions_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The version that the host speaks is the newest in the contract's list of changes.

    The newest released one has digests, and an unreleased one has none.
    """
    versions = _changelog_versions(contract)
    released = versions[1:] if _is_unreleased(contract) else versions
    newest = list(contract.read("digests"))[-1]
    if versions[0] != code.versions["contract"] or released[0] != newest:
        yield f"versions: {versions[0]}, {newest} and {code.versions['contract']}"
    if f"`{code.versions['provider']}`" not in contract.texts()["orchestrator-api.md"]:
        yield "versions: another oldest provider is served"


def copies_inside_schemas_are_true(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """No schema refers to another, so copied parts must be identical."""
    for path in contract.schema_files():
        name = path.relative_to(contract.folder / "schemas").as_posix().removesuffix(".json")
        for part, copy in contract.schema(name).get("$defs", {}).items():
            if part in COPIES and copy != _without_head(contract, COPIES[part]):
                yield f"{name}: its copy of {part} differs"


def cases_cover_every_command_and_code(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Each command has a success and a refusal, and each code has a case."""
    cases = all_cases(contract)
    for name in contract.commands():
        outcomes = {case.expect["success"] for case in cases if case.request.get("command") == name}
        if outcomes != {True, False}:
            yield f"{name}: no case of its {'refusal' if True in outcomes else 'success'}"
    shown = {case.expect["error_code"] for case in cases}
    for entry in contract.read("errors"):
        if entry["code"] not in shown:
            yield f"{entry['code']}: no case"


def cases_answer_what_their_command_may(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """A refusal in a case is one that its command lists."""
    commands = contract.commands()
    for case in all_cases(contract):
        command, refusal = case.request.get("command"), case.expect["error_code"]
        if command in commands and refusal not in [None, *commands[command]["errors"]]:
            yield f"{case.name}: {command} does not list {refusal}"


def _is_unreleased(contract: Contract) -> bool:
    """Whether the list of changes marks its newest version as unreleased."""
    return bool(re.match(r"# .*\n+## \S+ \(unreleased\)\n", _changelog(contract)))


def _changelog_versions(contract: Contract) -> list[str]:
    return re.findall(r"^## (\S+)(?: \(unreleased\))?$", _changelog(contract), re.MULTILINE)


def _changelog(contract: Contract) -> str:
    return (contract.folder.parent / "CHANGELOG.md").read_text("utf-8")


def _without_head(contract: Contract, name: str) -> dict[str, object]:
    schema = contract.schema(name)
    return {key: value for key, value in schema.items() if key not in ABOUT_THE_FILE}
