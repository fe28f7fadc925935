"""Values with named fields, which are what commands are given and what they answer.

They are used like dataclasses. A dataclass takes longer to create than many calls have to spend.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeVar, dataclass_transform

REQUIRED: Final = object()
"""The default of a field that has none."""


class Field(NamedTuple):
    """A field. The rest describes the arguments of commands: private free text stays out of the journal."""

    name: str
    default: Any = REQUIRED
    help: str = ""
    is_private: bool = False
    is_json: bool = False


def argument(
    help_text: str, *, default: Any = REQUIRED, is_private: bool = False, is_json: bool = False
) -> Any:
    """Describe a field that is an argument of a command."""
    return Field("", default=default, help=help_text, is_private=is_private, is_json=is_json)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(argument,))
class Value:
    """Base of classes whose annotations are fields, given by name. Instances do not change."""

    def __init_subclass__(cls) -> None:
        """Note the fields of the class: those of its base, then its own."""
        known = dict(_fields.get(cls.__mro__[1], {}))
        for name in cls.__annotations__:
            given = cls.__dict__.get(name, REQUIRED)
            described = given if isinstance(given, Field) else Field("", default=given)
            known[name] = described._replace(name=name)
        _fields[cls] = known
        _defaults[cls] = {x: it.default for x, it in known.items() if it.default is not REQUIRED}

    def __init__(self, **given: Any) -> None:
        whole = _defaults[type(self)] | given
        wrong = whole.keys() ^ _fields[type(self)].keys()
        if wrong:
            raise TypeError(f"{type(self).__name__}: missing or unknown fields: {sorted(wrong)}")
        vars(self).update(whole)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Describe the class to pydantic, which is slow to import, without importing it."""
        from specify_cli.orchestrator_api import validation

        return validation.schema_of(cls, handler)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{x}={it!r}' for x, it in vars(self).items())})"


AnyValue = TypeVar("AnyValue", bound=Value)

_fields: Final[dict[type[Any], dict[str, Field]]] = {}
_defaults: Final[dict[type[Any], dict[str, Any]]] = {}


def fields(kind: type[Value]) -> Iterable[Field]:
    """Return the fields of the class, in the order in which they are declared."""
    return _fields[kind].values()


def replace(value: AnyValue, **changes: Any) -> AnyValue:
    """Return a copy with the changed fields."""
    return type(value)(**{**vars(value), **changes})


def as_json(value: Any) -> Any:
    """Return the value with fields, also nested ones, as JSON values, which the caller must not change."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Value):
        return {name: as_json(getattr(value, name)) for name in _fields[type(value)]}
    if isinstance(value, dict):
        return {name: as_json(inner) for name, inner in value.items()}
    return [as_json(inner) for inner in value] if isinstance(value, list | tuple) else value
