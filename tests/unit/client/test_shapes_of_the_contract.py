"""The client has the commands, arguments, replies, codes and names of `contract/v1`, and no others.

Where one of these tests fails because the contract has grown, it says which field of which class is missing.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

import spec_kitty_client
from spec_kitty_client import Client, Policy, Refused, contract, options, refusals
from spec_kitty_client.refusals import refusal

V1 = Path(__file__).parents[3] / "contract" / "v1"
COMMANDS: dict[str, dict[str, Any]] = {
    it["name"]: it for it in json.loads((V1 / "commands.json").read_text())
}
ERRORS: dict[str, dict[str, Any]] = {
    it["code"]: it for it in json.loads((V1 / "errors.json").read_text())
}


def schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((V1 / "schemas" / f"{name}.json").read_text())
    return found


LANES = set(get_args(contract.Lane))
REFUSAL = schema("refusal")["properties"]


def kinds(described: dict[str, Any]) -> Any:
    """The values that a schema allows: names of JSON types, lists of texts, or the same for nested schemas."""
    if "oneOf" in described:
        return frozenset().union(*map(kinds, described["oneOf"]))
    if "const" in described:
        text = described["const"]
        return frozenset({"boolean" if text is True else f"={text}"})
    if "enum" in described and LANES.issuperset(described["enum"]):
        return frozenset(f"={it}" for it in LANES)
    if "enum" in described:
        return frozenset(f"={it}" for it in described["enum"])
    named = described["type"]
    named = [named] if isinstance(named, str) else named
    return frozenset().union(*(_kind(described, it) for it in named))


def _kind(described: dict[str, Any], name: str) -> Any:
    if name == "array":
        return frozenset({("array", kinds(described["items"]))})
    if name == "object":
        return frozenset({("object", fields(described))})
    return frozenset({name})


def fields(described: dict[str, Any]) -> Any:
    """Each property with its kinds, and whether it is always there."""
    required = described.get("required", [])
    return frozenset(
        # Fields of a later minor version are absent from the replies of older hosts, which the client supports too.
        (name, kinds(it), name in required and "Since 1." not in it.get("description", ""))
        for name, it in described["properties"].items()
    )


def kinds_of_hint(hint: Any) -> Any:
    """The same for a type."""
    origin = get_origin(hint)
    if origin in (types.UnionType, Union):
        return frozenset().union(*map(kinds_of_hint, get_args(hint)))
    if origin is Literal:
        return frozenset(f"={it}" for it in get_args(hint))
    if origin is tuple:
        return frozenset({("array", kinds_of_hint(get_args(hint)[0]))})
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return frozenset({("object", fields_of_class(hint))})
    names = {str: "string", int: "integer", bool: "boolean", type(None): "null"}
    return frozenset({names[hint]})


def fields_of_class(shape: Any) -> Any:
    """The same for a dataclass, in which an optional field has a default."""
    hints = get_type_hints(shape)
    return frozenset(
        (it.name, _without_default(hints[it.name], it.default), _is_required(it.default))
        for it in dataclasses.fields(shape)
    )


def _is_required(default: object) -> bool:
    return default is dataclasses.MISSING


def _without_default(hint: Any, default: object) -> Any:
    """Null means absence if it is the default."""
    found = kinds_of_hint(hint)
    return found - {"null"} if default is None else found


def flat(found: Any, prefix: str = "") -> Iterator[str]:
    """Each field at any depth, as text."""
    for name, types_, is_required in found:
        plain = sorted(it if isinstance(it, str) else it[0] for it in types_)
        yield f"{prefix}{name}: {', '.join(plain)}; {'required' if is_required else 'optional'}"
        for it in types_:
            yield from _flat_inside(it, f"{prefix}{name}")


def _flat_inside(kind: Any, prefix: str) -> Iterator[str]:
    match kind:
        case ("array", items):
            for it in items:
                yield f"{prefix}[]: {it if isinstance(it, str) else it[0]}"
                yield from _flat_inside(it, f"{prefix}[]")
        case ("object", inner):
            yield from flat(inner, f"{prefix}.")


def method_of(command: str) -> Any:
    return getattr(Client, command.replace("-", "_"))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_reply_of_a_command_has_the_fields_of_its_schema(command: str) -> None:
    shape = get_type_hints(method_of(command))["return"]
    expected, found = (
        {*flat(fields(schema(f"commands/{command}.reply")))},
        {*flat(fields_of_class(shape))},
    )
    assert sorted(found - expected) == [], "the client has fields that the schema does not have"
    assert sorted(expected - found) == [], "the schema has fields that the client does not have"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_method_of_a_command_has_its_arguments(command: str) -> None:
    described = schema(f"commands/{command}.request")
    method = method_of(command)
    given = {
        it.name: it.default is it.empty
        for it in inspect.signature(method).parameters.values()
        if it.name not in ("self", "options")
    }
    assert given == {name: name in described["required"] for name in described["properties"]}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_options_of_a_method_are_those_that_its_command_takes(command: str) -> None:
    (taken,) = get_args(get_type_hints(method_of(command))["options"])
    flags = {it["arg"] for it in COMMANDS[command]["flags"] if it["place"] == "request"}
    assert get_type_hints(taken).keys() - {"timeout_s"} == flags


def test_the_client_has_a_method_for_each_command_and_no_others() -> None:
    methods = {name for name in dir(spec_kitty_client.commands.Commands) if name[0] != "_"}
    assert methods == {name.replace("-", "_") for name in COMMANDS}


def test_the_client_uses_the_names_of_the_contract() -> None:
    assert set(get_args(contract.Command)) == COMMANDS.keys()
    assert {name for name, it in COMMANDS.items() if it["changes_state"]} == contract.CHANGES
    assert {name for name, it in COMMANDS.items() if it["policy"] != "none"} == contract.TAKE_POLICY
    assert set(schema("refusal")["properties"]["from_lane"]["enum"]) == LANES
    assert set(get_args(contract.Strategy)) == set(
        schema("commands/merge-mission.reply")["properties"]["strategy"]["enum"]
    )


@pytest.mark.parametrize("code", ERRORS)
def test_each_error_code_has_a_class_with_its_fields(code: str) -> None:
    envelope = {"error_code": code, "correlation_id": "a", "data": {"message": "m"}}
    raised = type(refusal(envelope))
    assert raised is not Refused
    rules = schema("envelope")["allOf"]
    (required,) = (
        it["then"]["properties"]["data"]["required"]
        for it in rules
        if it["if"]["properties"]["error_code"]["const"] == code
    )
    hints = inspect.get_annotations(raised, eval_str=True)
    found = frozenset(
        (
            name,
            _without_default(hint, getattr(raised, name, dataclasses.MISSING)),
            not hasattr(raised, name),
        )
        for name, hint in hints.items()
    )
    details = ERRORS[code]["details"]
    expected = frozenset((name, kinds(REFUSAL[name]), name in required) for name in details)
    assert sorted(flat(found)) == sorted(flat(expected))


def test_each_error_class_has_a_code() -> None:
    classes = {it for it in vars(refusals).values() if isinstance(it, type)}
    assert len([it for it in classes if issubclass(it, Refused)]) == len(ERRORS) + 1


def test_policy_and_review_have_the_fields_of_their_schemas() -> None:
    for shape, name in ((Policy, "policy"), (options.ReviewResult, "review-result")):
        assert {it.name for it in dataclasses.fields(shape)} == schema(name)["properties"].keys()
    review = schema("evidence")["properties"]["review"]["properties"]
    assert options.ReviewResult.of("me").evidence.review.keys() == review.keys()


def test_every_public_name_can_be_imported_and_is_described() -> None:
    for name in spec_kitty_client.__all__:
        found = getattr(spec_kitty_client, name)
        assert not isinstance(found, type) or inspect.getdoc(found), name
    assert dir(spec_kitty_client) == sorted(spec_kitty_client.__all__)
