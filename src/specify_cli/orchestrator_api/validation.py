"""Strict validation of arguments by pydantic; a module of its own because pydantic loads slowly."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import core_schema

from specify_cli.orchestrator_api.arguments import POSITION, AnyParams, Params
from specify_cli.orchestrator_api.values import REQUIRED, Value, fields

LISTED = re.compile(r"\^\((.*)\)\$")
"""A pattern that lists the texts that it takes."""
MISSING = "it is missing"
NO_SUCH_KEY = "there is no such key"
WORDS = {
    "missing": MISSING,
    "too_short": "it is empty",
    "unexpected_keyword_argument": NO_SUCH_KEY,
    "string_type": "it must be text",
    "int_type": "it must be a whole number",
    "int_from_float": "it must be a whole number",
    "bool_type": "it must be true or false",
    "tuple_type": "it must be a list",
    "dict_type": "it must be a table of names and values",
    "dataclass_type": "it must be a table of names and values",
    "literal_error": "it must be {expected}",
    "greater_than_equal": "it must be {ge} or more",
    "less_than_equal": "it must be {le} or less",
    "string_too_long": "it has more than {max_length} characters",
    "too_long": "it has more than {max_length} parts",
}
"""By pydantic's types of errors; in braces what it tells of them."""

_adapters: dict[type[Params], TypeAdapter[Any]] = {}
"""Kept, because building one takes longer than using it a hundred times."""


def validate(
    params_type: type[AnyParams], args: Mapping[str, Any]
) -> tuple[AnyParams | None, list[tuple[str, str]]]:
    """The arguments, or complaints as (name of the argument, what is wrong)."""
    if params_type not in _adapters:
        _adapters[params_type] = TypeAdapter(params_type)
    try:
        return _adapters[params_type].validate_json(json.dumps(args)), []
    except ValidationError as error:
        return None, [_complaint(found) for found in error.errors(include_url=False)]


def schema_of(kind: type[Value], handler: Any) -> core_schema.CoreSchema:
    """Return the schema of a class of values; `handler` makes the schemas of other types."""
    hints = get_type_hints(kind, include_extras=True)
    parts = []
    for field in fields(kind):
        schema = handler.generate_schema(hints[field.name])
        if field.default is not REQUIRED:
            schema = core_schema.with_default_schema(schema, default=field.default)
        parts.append(core_schema.dataclass_field(field.name, schema, kw_only=True))
    return core_schema.dataclass_schema(
        kind,
        core_schema.dataclass_args_schema(kind.__name__, parts),
        [field.name for field in fields(kind)],
        config={"strict": True, "extra_fields_behavior": "forbid"},
    )


def _complaint(found: Any) -> tuple[str, str]:
    name = ".".join(str(part) for part in found["loc"])
    return name, _problem(found)


def _problem(found: Any) -> str:
    if found["type"] in WORDS:
        return WORDS[found["type"]].format_map(found.get("ctx", {}))
    if found["type"] == "value_error":
        return str(found["ctx"]["error"])
    if found["type"] == "string_pattern_mismatch":
        pattern = found["ctx"]["pattern"]
        if pattern == POSITION:
            return "it is not a position: use the 'position' of an earlier reply"
        listed = LISTED.fullmatch(pattern)
        if listed:
            return f"it must be {listed[1].replace('|', ' or ')}"
        return (
            "it is empty, or contains a control character or a slash"
            if "x00" in pattern
            else "it is blank"
        )
    return str(found["msg"])
