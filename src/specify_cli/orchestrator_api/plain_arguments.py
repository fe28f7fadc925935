"""Arguments that are plainly right, read without pydantic, which takes longer to load than most calls take.

Whatever is not plainly right is declined: the library judges it, and says what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from specify_cli.orchestrator_api.values import REQUIRED, Value, fields

AnyParams = TypeVar("AnyParams", bound=Value)
Reader = Callable[[Any], Any]
Table = tuple[dict[str, Reader], frozenset[str]]
"""How each argument is read, and which must be there."""

NOT_BLANK = r"\S"
_VISIBLE = re.compile("[!-~]")


_tables: dict[type[Any], Table] = {}
"""Kept, because making one takes longer than using it."""


class Declined(Exception):
    """An argument is not plainly right."""


def read(params_type: type[AnyParams], args: Mapping[str, Any]) -> AnyParams | None:
    """The arguments; None where they are not plainly right."""
    try:
        return _params(params_type, args)
    except Declined:
        return None


def _params(params_type: type[AnyParams], args: Mapping[str, Any]) -> AnyParams:
    readers, required = _table(params_type)
    if not required <= args.keys() <= readers.keys():
        raise Declined
    return params_type(**{name: readers[name](value) for name, value in args.items()})


def _table(params_type: type[Any]) -> Table:
    if params_type not in _tables:
        hints = get_type_hints(params_type, include_extras=True)
        found = fields(params_type)
        required = frozenset(it.name for it in found if it.default is REQUIRED)
        _tables[params_type] = {it.name: _reader(hints[it.name]) for it in found}, required
    return _tables[params_type]


def _reader(hint: Any) -> Reader:
    if hint is str:
        return _text
    if hint is bool:
        return _boolean
    if hint == list[str]:
        return _texts
    if get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint):
        return _optional(hint)
    if get_origin(hint) is Annotated:
        return _narrowed(*get_args(hint))
    return _nested(hint) if isinstance(hint, type) and issubclass(hint, Value) else _decline


def _decline(value: Any) -> Any:
    raise Declined


def _text(value: Any) -> str:
    if type(value) is not str:
        raise Declined
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:  # Half a character.
            raise Declined from error
    return value


def _texts(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise Declined
    return [_text(it) for it in value]


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise Declined
    return value


def _optional(hint: Any) -> Reader:
    inner = [it for it in get_args(hint) if it is not NoneType]
    reader = _reader(inner[0]) if len(inner) == 1 else _decline
    return lambda value: None if value is None else reader(value)


def _nested(params_type: type[Any]) -> Reader:
    def read_nested(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Declined
        return _params(params_type, value)

    return read_nested


def _narrowed(hint: Any, *constraints: Any) -> Reader:
    """A text or list of texts that one rule narrows, or a whole number within bounds."""
    rule = dict(getattr(constraints[0], "rule", ()))
    if hint is int and len(constraints) == 1 and rule.keys() == {"ge", "le"}:
        return _within(rule["ge"], rule["le"])
    if hint == list[str] and rule == {"min_length": 1}:
        return lambda value: _texts(value) or _decline(value)
    if hint is not str or len(constraints) != 1 or len(rule) != 1:
        return _decline
    if rule == {"min_length": 1}:
        return _checked(bool)
    if rule == {"pattern": NOT_BLANK}:
        return _checked(_VISIBLE.search)
    return _checked(_matches(rule["pattern"])) if "pattern" in rule else _decline


def _within(least: int, most: int) -> Reader:
    def read_within(value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise Declined
        return value

    return read_within


def _checked(check: Callable[[str], object]) -> Reader:
    def read_checked(value: Any) -> str:
        text = _text(value)
        if not check(text):
            raise Declined
        return text

    return read_checked


def _matches(pattern: str) -> Callable[[str], bool]:
    # Of visible ASCII no two kinds of regular expression think differently, with patterns such as ours.
    return lambda text: text.isascii() and text.isprintable() and bool(re.search(pattern, text))
