"""What an operator grants to an orchestrator, and how a grant judges.

A glob has `*` for any text, `?` for any one character and `[..]` for one of those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, NamedTuple

from specify_cli.ids import DEFAULT_ORCHESTRATOR
from specify_cli.orchestrator_api.command_names import CONTRACT_COMMANDS
from specify_cli.orchestrator_api.policy import FLAGS
from specify_cli.protocol import (
    MAX_DAILY_BYTES,
    MAX_DAILY_REQUESTS,
    MAX_REQUEST_BYTES,
    MAX_WAITING,
    MAX_WAITING_BYTES,
    READS,
)

ALL = "all"
READ_ONLY = "read-only"
PATH_KEYS = "_path"


class Quota(NamedTuple):
    """How much an orchestrator may leave in its inbox, and how much of it is taken a day."""

    max_waiting: int = MAX_WAITING
    max_waiting_bytes: int = MAX_WAITING_BYTES
    max_request_bytes: int = MAX_REQUEST_BYTES
    max_daily_requests: int = MAX_DAILY_REQUESTS
    max_daily_bytes: int = MAX_DAILY_BYTES


class Grant(NamedTuple):
    """What one orchestrator may do; None is no restriction.

    `targets` are the branches that a merge may move; None is the mission's own.
    `policy` has for a field the values that may be declared there. `paths` are pairs of where a
    folder lies here and where the orchestrator sees it, the longest first.
    """

    identity: str
    commands: tuple[str, ...]
    missions: tuple[str, ...] | None = None
    actors: tuple[str, ...] | None = None
    targets: tuple[str, ...] | None = None
    push: bool = False
    uid: int | None = None
    policy: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    quota: Quota = Quota()
    paths: tuple[tuple[str, str], ...] = ()

    def covers_mission(self, name: str) -> bool:
        """True when it may work on the mission whose folder has that name."""
        return _fits(name, self.missions)

    def covers_target(self, branch: str, *, own: str) -> bool:
        """True when a merge may move the branch; `own` is the target of the mission itself."""
        return branch == own if self.targets is None else _fits(branch, self.targets)

    def covers_actor(self, actor: str | None) -> bool:
        """True when it may act as `actor`; nobody in particular only where all are granted."""
        return self.actors is None or (actor is not None and _fits(actor, self.actors))

    def refused_policy(self, declared: Mapping[str, Any] | None) -> str | None:
        """The field of a policy whose value is not granted, or None."""
        for name, allowed in self.policy.items():
            if declared is not None and not _is_allowed(name, declared.get(name), allowed):
                return name
        return None

    def as_seen(self, data: Any) -> Any:
        """The data of a success with every path as the orchestrator sees it."""
        if isinstance(data, dict):
            return {key: self._value_as_seen(key, value) for key, value in data.items()}
        return [self.as_seen(value) for value in data] if isinstance(data, list) else data

    def _value_as_seen(self, key: str, value: Any) -> Any:
        if key.endswith(PATH_KEYS) and isinstance(value, str):
            return self.path_as_seen(value)
        return self.as_seen(value)

    def path_as_seen(self, path: str) -> str:
        """The path by the longest folder above it, or at it, that is mapped; else itself."""
        for here, there in self.paths:
            below = here.rstrip("/") + "/"
            if path == here:
                return there
            if path.startswith(below):
                return there.rstrip("/") + "/" + path.removeprefix(below)
        return path


def everything() -> Grant:
    """What the root inbox is granted where the operator has written nothing down."""
    return Grant(
        identity=DEFAULT_ORCHESTRATOR,
        commands=tuple(CONTRACT_COMMANDS),
        targets=("*",),
        push=True,
    )


def commands_in(words: Sequence[str]) -> tuple[str, ...]:
    """The commands that the words of a grant stand for, in the contract's order."""
    return tuple(name for name in CONTRACT_COMMANDS if _is_meant(name, words))


def _is_meant(name: str, words: Sequence[str]) -> bool:
    reads = READ_ONLY in words and name in READS
    return name in words or ALL in words or reads


def _fits(text: str, globs: Sequence[str] | None) -> bool:
    return globs is None or any(fnmatchcase(text, glob) for glob in globs)


def _is_allowed(name: str, declared: Any, allowed: tuple[str, ...]) -> bool:
    if name == FLAGS:
        return set(declared or ()) <= set(allowed)
    return declared in allowed
