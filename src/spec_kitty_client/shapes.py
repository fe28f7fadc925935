"""Build typed replies from the JSON of the host.

Fields that a newer host added are ignored.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from spec_kitty_client.unanswered import BadReplyError

T = TypeVar("T")

_known_hints: dict[type, dict[str, Any]] = {}


def read(shape: type[T], data: Mapping[str, Any]) -> T:
    """Return the dataclass `shape` with the values that `data` has for its fields.

    Raises:
        BadReplyError: A field is missing, or a value has another type.
    """
    values = {
        name: _value(hint, data[name], name) for name, hint in _hints(shape).items() if name in data
    }
    try:
        return shape(**values)
    except TypeError as error:
        raise BadReplyError(f"the reply of the host is incomplete: {error}") from error


def set_fields(target: object, data: Mapping[str, Any]) -> None:
    """Set the annotated attributes of `target` that `data` has; the others keep their defaults, or are None."""
    for name, hint in _hints(type(target)).items():
        value = getattr(target, name, None)
        with contextlib.suppress(KeyError, BadReplyError):
            value = _value(hint, data[name], name)
        setattr(target, name, value)


def _hints(shape: type) -> dict[str, Any]:
    if shape not in _known_hints:
        found: dict[str, Any] = {}
        for base in reversed(shape.__mro__):
            found |= inspect.get_annotations(base, eval_str=True)
        _known_hints[shape] = found
    return _known_hints[shape]


def _value(hint: Any, value: Any, path: str) -> Any:
    """Return the value as the hint describes it.

    Raises:
        BadReplyError: It has another type.
    """
    if get_origin(hint) in (types.UnionType, Union):
        return None if value is None else _value(get_args(hint)[0], value, path)
    if get_origin(hint) is Literal:  # A newer host may have values that are not listed.
        hint = type(get_args(hint)[0])
    if dataclasses.is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        return read(hint, value)
    if get_origin(hint) is tuple and isinstance(value, list):
        (item, _) = get_args(hint)
        return tuple(_value(item, it, f"{path}[{number}]") for number, it in enumerate(value))
    if type(value) is hint:
        return value
    raise BadReplyError(f"the reply of the host has an invalid value of {path}: {value!r:.80}")
