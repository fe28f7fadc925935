"""Conversion of dataclasses to JSON values."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final, cast

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))


def compact(value: Any) -> str:
    """Return the JSON value as ASCII text without spaces, the form of replies and of all hashed lines."""
    return _ENCODER.encode(value)


def as_json(instance: Any) -> dict[str, Any]:
    """Return the fields of a dataclass as JSON values, including nested dataclasses.

    Unlike `dataclasses.asdict` it does not copy every value, which makes it several times as fast. The
    caller must not change the values.
    """
    return {name: _value(getattr(instance, name)) for name in _names(instance.__class__)}


def _value(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {name: _value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_value(inner) for inner in value]
    return as_json(value) if is_dataclass(value) else value


@cache
def _names(kind: Hashable) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cast("Any", kind)))
