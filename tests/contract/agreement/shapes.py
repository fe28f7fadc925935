"""Two ways to write the same JSON Schema brought to one form, so that they can be compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

CHOICE = re.compile(r"\^\(([\w|]+)\)\$")
TEXT_RULES = ("pattern", "minLength")
KINDS = {bool: "boolean", str: "string", int: "integer", float: "number", type(None): "null"}


def exact(schema: Schema, root: Schema | None = None) -> list[Any]:
    """Everything that the schema allows, as a sorted list of alternatives in one form."""
    whole = schema if root is None else root
    found = [_plain(single, whole) for single in _alternatives(schema, whole)]
    return sorted(found, key=lambda alternative: json.dumps(alternative, sort_keys=True))


def kinds(schema: Schema, root: Schema) -> set[str]:
    """The JSON types that the schema allows."""
    return {kind for single in _alternatives(schema, root) for kind in _kinds(single)}


def same_kinds(stated: Schema, coded: Schema, where: str = "data") -> Iterator[str]:
    """A sentence for every field whose type in the code differs from the stated one.

    The contract may say more of a text than the code does (a pattern, a choice): what the host
    really answers is held against the contract where it runs.
    """
    yield from _same(stated, coded, where, (stated, coded))


def without_absent(schema: Schema) -> Schema:
    """The schema of a result whose fields with the default null, in its parts too, are left out where they are null."""
    found = {name: _without_absent(part) for name, part in schema.items()}
    for name, field in found.get("properties", {}).items():
        if "default" in field and field["default"] is None:
            found["properties"][name] = _not_null(field)
    return found


def _without_absent(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_absent(it) for it in part]
    return without_absent(part) if isinstance(part, dict) else part


def resolved(schema: Schema, root: Schema) -> Schema:
    """The target of a reference within the same schema."""
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _not_null(field: Schema) -> Schema:
    [only] = [one for one in field["anyOf"] if one.get("type") != "null"]
    return dict(only)


def _alternatives(schema: Schema, root: Schema) -> Iterator[Schema]:
    schema = resolved(schema, root)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            for one in schema[union]:
                yield from _alternatives(one, root)
            return
    named = schema.get("type")
    for kind in named if isinstance(named, list) else [named]:
        yield {**schema, "type": kind}


def _kinds(single: Schema) -> set[str]:
    if single["type"] is not None:
        return {single["type"]}
    choices = single.get("enum", [single["const"]] if "const" in single else [])
    return {KINDS[type(choice)] for choice in choices}


def _plain(single: Schema, root: Schema) -> Any:
    """One alternative without words for people, and with only the rules of its own type."""
    choice = CHOICE.fullmatch(str(single.get("pattern")))
    if choice or "enum" in single:
        return {"enum": sorted(choice[1].split("|") if choice else single["enum"])}
    kind = single["type"]
    if kind == "object":
        return _plain_object(single, root)
    if kind == "array":
        return {"type": kind, "items": exact(single["items"], root)}
    rules = TEXT_RULES if kind == "string" else ()
    return {"type": kind} | {rule: single[rule] for rule in rules if rule in single}


def _plain_object(single: Schema, root: Schema) -> Any:
    properties = single.get("properties", {})
    return {
        "type": "object",
        "required": sorted(single.get("required", [])),
        "closed": single.get("additionalProperties", True) is False,
        "properties": {name: exact(field, root) for name, field in properties.items()},
        "defaults": {
            name: field["default"]
            for name, field in properties.items()
            if field.get("default") is not None
        },
    }


def _same(stated: Schema, coded: Schema, where: str, roots: tuple[Schema, Schema]) -> Iterator[str]:
    stated, coded = resolved(stated, roots[0]), resolved(coded, roots[1])
    said, made = kinds(stated, roots[0]), kinds(coded, roots[1])
    if said != made:
        yield f"{where}: the contract says {sorted(said)}, the code {sorted(made)}"
    elif said == {"object"}:
        yield from _same_objects(stated, coded, where, roots)
    elif said == {"array"}:
        yield from _same(stated["items"], coded["items"], f"{where}[]", roots)


def _same_objects(
    stated: Schema, coded: Schema, where: str, roots: tuple[Schema, Schema]
) -> Iterator[str]:
    if "properties" not in coded:  # A map, whose keys are known only at run time.
        for name, field in stated["properties"].items():
            yield from _same(field, coded["additionalProperties"], f"{where}.{name}", roots)
        return
    fields, made = stated["properties"], coded["properties"]
    if fields.keys() != made.keys():
        yield f"{where}: only one side has {sorted(fields.keys() ^ made.keys())}"
    if sorted(stated.get("required", [])) != sorted(coded.get("required", [])):
        yield f"{where}: the two sides require other fields"
    for name in fields.keys() & made.keys():
        yield from _same(fields[name], made[name], f"{where}.{name}", roots)
