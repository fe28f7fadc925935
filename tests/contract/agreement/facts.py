"""Facts about the code as plain values: one side of every comparison with the contract."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click
from pydantic import TypeAdapter

from specify_cli import credentials, errors
from specify_cli.cli import orchestrator_api as command_line
from specify_cli.core import lanes
from specify_cli.core.lanes import Guard, Lane
from specify_cli.orchestrator_api import envelope, policy, registry, request
from specify_cli.orchestrator_api.command import Command, always, never
from tests.contract.agreement.refusals import Refusals, refusals_in_code

POLICY_KINDS: dict[Callable[[Any], bool], str] = {always: "required", never: "optional"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagFacts:
    """One flag of the command line."""

    arg: str
    type: str
    negation: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFacts:
    """One command: schemas of its arguments and its data, and its flags by name."""

    changes_state: bool
    policy: str
    params: dict[str, Any]
    reply: dict[str, Any]
    flags: Mapping[str, FlagFacts]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorFacts:
    """One class of refusals."""

    code: str
    retryable: bool
    about: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """The lanes, and the table of transitions as (from, to) to guard."""

    lanes: list[str]
    terminal: set[str]
    aliases: dict[str, str]
    moves: dict[tuple[str, str], str]
    policy_required: set[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFacts:
    """All facts that the contract also states."""

    commands: Mapping[str, CommandFacts]
    errors: list[ErrorFacts]
    refusals: Refusals
    lanes: LaneFacts
    policy: Mapping[str, Any]
    check_policy: Callable[..., Any]
    mask: Callable[[str], str]
    envelope: dict[str, Any]
    versions: dict[str, str]
    request_required: set[str]
    request_optional: set[str]
    read_request: Callable[..., Any]
    written: Mapping[str, list[dict[str, Any]]]


def of_the_code(written: Mapping[str, list[dict[str, Any]]]) -> CodeFacts:
    """The facts of the code, and of the files that a host has `written`, by schema."""
    return CodeFacts(
        commands={name: command_facts(registry.find(name)) for name in registry.CONTRACT_COMMANDS},
        errors=error_facts(vars(errors)),
        refusals=refusals_in_code(),
        lanes=_lane_facts(),
        policy=_policy_facts(),
        check_policy=policy.check,
        mask=credentials.masked,
        envelope=envelope.succeeded("orchestrator-api.contract-version", "id", {}),
        versions={
            "contract": envelope.CONTRACT_VERSION,
            "provider": envelope.MIN_PROVIDER_VERSION,
        },
        request_required=set(request.REQUIRED),
        request_optional=set(request.OPTIONAL),
        read_request=request.read,
        written=written,
    )


def command_facts(command: Command) -> CommandFacts:
    """The facts of one command."""
    module = sys.modules[command.handle.__module__]
    result = getattr(module, inspect.signature(command.handle).return_annotation)
    options = command_line.click_command(command).params
    kind = POLICY_KINDS.get(command.needs_policy, "by-lane")
    return CommandFacts(
        changes_state=command.changes_state,
        policy=kind if command.takes_policy else "none",
        params=TypeAdapter(command.params).json_schema(),
        reply=TypeAdapter(result).json_schema(),
        flags=dict(_flag(option) for option in options if isinstance(option, click.Option)),
    )


def error_facts(namespace: Mapping[str, Any]) -> list[ErrorFacts]:
    """The facts of every class of refusals in the namespace of a module."""
    return [
        ErrorFacts(code=kind.code, retryable=kind.retryable, about=kind.about)
        for kind in namespace.values()
        if inspect.isclass(kind)
        and issubclass(kind, errors.SpecKittyError)
        and kind is not errors.SpecKittyError
        # A class without its own code is reported with the code of its base.
        and "code" in vars(kind)
    ]


def _flag(option: click.Option) -> tuple[str, FlagFacts]:
    [flag] = option.opts
    shown = {"JSON": "json", "N": "integer", "TEXT ...": "list"}
    kind = "boolean" if option.is_flag else shown.get(str(option.metavar), "string")
    negation = option.secondary_opts[0] if option.secondary_opts else None
    return flag, FlagFacts(arg=str(option.name), type=kind, negation=negation)


def _lane_facts() -> LaneFacts:
    return LaneFacts(
        lanes=[lane.value for lane in Lane],
        terminal={lane.value for lane in lanes.TERMINAL},
        aliases={alias: lane.value for alias, lane in lanes.ALIASES.items()},
        moves={(start.value, to.value): guard.value for (start, to), guard in lanes.MOVES.items()},
        policy_required={lane.value for lane in lanes.POLICY_REQUIRED},
    )


def _policy_facts() -> dict[str, Any]:
    return {
        "required": [*policy.REQUIRED_TEXTS, policy.FLAGS],
        "optional": [policy.RESTRICTIONS],
        "banned_flags": list(policy.BANNED_FLAGS),
        "banned_flag_pattern": policy.BANNED_FLAG,
        "secret_words": list(policy.SECRET_WORDS),
        "secret_word_pattern": policy.SECRET_WORD,
        "harmless_phrase_pattern": policy.HARMLESS_PHRASE,
        "credential_patterns": {
            name: {
                "pattern": shape.pattern,
                "ignore_case": shape.ignore_case,
                "needs": list(shape.needs),
                "unless": list(shape.unless),
            }
            for name, shape in credentials.SHAPES.items()
        },
    }


def guards_in_code(refusals: Refusals) -> set[str]:
    """The names of guards: those of the table, and those that a refusal names by a literal."""
    return {guard.value for guard in Guard} | set(refusals.guards)
