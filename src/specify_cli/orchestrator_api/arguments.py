"""What a command may be given: values with help texts, made from untrusted JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from specify_cli import credentials, nearest
from specify_cli.errors import UsageError
from specify_cli.orchestrator_api import plain_arguments
from specify_cli.orchestrator_api.values import REQUIRED, Field, Value, as_json, fields


class Params(Value):
    """Base of every command's arguments: strict types, no unknown names."""


BESIDE = ("contract_version", "correlation_id", "command", "policy", "not_after")
"""The fields of a request next to its arguments."""

AnyParams = TypeVar("AnyParams", bound=Params)


class Constraint(NamedTuple):
    """A constraint for pydantic, which is slow to import, without importing it."""

    rule: tuple[tuple[str, Any], ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """The source's schema with the rule added."""
        return {**handler(source), **dict(self.rule)}


NotEmpty = Constraint((("min_length", 1),))
NotBlank = Constraint((("pattern", r"\S"),))
Verdict = Constraint((("pattern", r"^(approved|changes_requested)$"),))
AtLeastOne = Constraint((("min_length", 1),))
POSITION = r"^[A-Za-z0-9._-]{1,64}$"
Position = Constraint((("pattern", POSITION),))
CommitId = Constraint((("pattern", r"^([0-9a-f]{40}|[0-9a-f]{64})$"),))


def flag_of(argument_field: Field) -> str:
    """The name of the argument on the command line."""
    ending = "-json" if argument_field.is_json else ""
    return f"--{argument_field.name.replace('_', '-')}{ending}"


def validate(
    params_type: type[AnyParams], args: Mapping[str, Any]
) -> tuple[AnyParams | None, list[tuple[str, str]]]:
    """The arguments, or complaints as (name of the argument, what is wrong)."""
    if not args and all(f.default is not REQUIRED for f in fields(params_type)):
        return params_type(), []  # Nothing to judge, so pydantic need not be imported.
    params = plain_arguments.read(params_type, args)
    if params is not None:
        return params, []
    # Inside the function: it loads pydantic, which is for arguments that are not plain, or wrong.
    from specify_cli.orchestrator_api import validation

    return validation.validate(params_type, args)


def complaint(params_type: type[Params], name: str, problem: str) -> UsageError:
    """The refusal for one argument, naming it as both interfaces do."""
    if not name:
        return UsageError(f"the arguments cannot be read: {problem}; send valid Unicode text")
    top = name.partition(".")[0]
    known = {f.name: flag_of(f) for f in fields(params_type)}
    if top not in known and top in BESIDE:
        return UsageError(
            f"unknown argument {top!r}: the {top} of a request belongs next to 'args', not in it"
        )
    if top not in known:
        names = ", ".join(known) or "none"
        return UsageError(
            f"unknown argument {credentials.quoted(name)}: this command takes {names}, in addition to"
            f" the correlation_id and policy of a request{nearest.guess(top, [*known, *BESIDE])}"
        )
    return UsageError(f"argument {name!r} ({known[top]}): {problem}")


def given(params: Params) -> dict[str, Any]:
    """The arguments that were given, as JSON values."""
    whole: dict[str, Any] = without_nulls(as_json(params))
    return whole


def public(kind: type[Params], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that were given, without free text that may be private."""
    private = {f.name for f in fields(kind) if f.is_private}
    return {name: value for name, value in given.items() if name not in private}


def without_nulls(value: Any) -> Any:
    """The JSON value without the fields that are null."""
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
