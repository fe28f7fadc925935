"""Commands, their arguments, their data and their flags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from specify_cli.conformance.documents import Contract
from tests.contract.agreement import shapes
from tests.contract.agreement.facts import CodeFacts, CommandFacts


def commands_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Both sides have the same commands in the same order."""
    if list(contract.commands()) != list(code.commands):
        yield f"commands: {list(contract.commands())} and {list(code.commands)}"


def commands_change_and_declare_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Whether a command changes state, and whether it needs policy metadata."""
    for name, (stated, made) in _both(contract, code).items():
        for what in ("changes_state", "policy"):
            if stated[what] != getattr(made, what):
                yield f"{name}: {what} is {stated[what]} and {getattr(made, what)}"


def arguments_have_the_stated_shape(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The params of every command are its request schema."""
    for name, (_, made) in _both(contract, code).items():
        if shapes.exact(contract.schema(f"commands/{name}.request")) != shapes.exact(made.params):
            yield f"{name}: its arguments differ"


def data_has_the_stated_shape(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The result of every command is its reply schema."""
    for name, (_, made) in _both(contract, code).items():
        stated = contract.schema(f"commands/{name}.reply")
        yield from shapes.same_kinds(stated, shapes.without_absent(made.reply), f"{name}: data")


def flags_are_the_same(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """Names, types and negations of flags."""
    for name, (stated, made) in _both(contract, code).items():
        said = {flag["flag"]: flag for flag in stated["flags"]}
        if said.keys() != made.flags.keys():
            yield f"{name}: only one side has {sorted(said.keys() ^ made.flags.keys())}"
        for flag in said.keys() & made.flags.keys():
            for what in ("arg", "type", "negation"):
                if said[flag].get(what) != getattr(made.flags[flag], what):
                    yield f"{name} {flag}: another {what}"


def flags_stand_for_the_arguments(contract: Contract, code: CodeFacts) -> Iterator[str]:
    """The flags are the arguments of the schema, and have the same defaults."""
    for name, (stated, made) in _both(contract, code).items():
        flags = {flag["arg"]: flag for flag in stated["flags"] if flag["place"] == "args"}
        properties, required = made.params["properties"], made.params.get("required", [])
        if flags.keys() != properties.keys():
            yield f"{name}: flags and arguments differ: {flags.keys() ^ properties.keys()}"
        for arg in flags.keys() & properties.keys():
            if flags[arg]["required"] != (arg in required):
                yield f"{name} {arg}: required at one side only"
            if flags[arg].get("default") != properties[arg].get("default"):
                yield f"{name} {arg}: another default"


def flags_beside_the_arguments_are_the_stated_ones(
    contract: Contract, code: CodeFacts
) -> Iterator[str]:
    """Commands with a policy have `policy`; commands that change state have `correlation_id`."""
    for name, stated in contract.commands().items():
        beside = {flag["arg"] for flag in stated["flags"] if flag["place"] == "request"}
        expected = {"policy"} if stated["policy"] != "none" else set()
        if beside != expected | ({"correlation_id"} if stated["changes_state"] else set()):
            yield f"{name}: beside its arguments stand {sorted(beside)}"


def _both(contract: Contract, code: CodeFacts) -> dict[str, tuple[dict[str, Any], CommandFacts]]:
    stated = contract.commands()
    return {name: (stated[name], code.commands[name]) for name in stated if name in code.commands}
