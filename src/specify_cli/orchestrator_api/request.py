"""A request, and how it is read from untrusted bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from specify_cli import credentials, ids
from specify_cli.errors import StateUnreadable, UsageError
from specify_cli.patterns import pattern
from specify_cli.storage import strict_json

RFC_3339 = pattern(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", re.ASCII)
REQUIRED = {"contract_version": str, "correlation_id": str, "command": str, "args": dict}
OPTIONAL = {"policy", "not_after"}


class Origin(NamedTuple):
    """The interface that received a request, and the verified identity of the caller.

    `received_at` is when the file of the request came into the inbox, if it is known.
    """

    door: str
    identity: str
    received_at: str | None = None

    @property
    def scope(self) -> str:
        """The scope in which the correlation id is unique."""
        return ids.scope_of(self.door, self.identity)


class Request(NamedTuple):
    """A request. `contract_version` is None for the host's own version."""

    command: str
    args: dict[str, Any]
    correlation_id: str
    policy: Any = None
    contract_version: str | None = None
    not_after: datetime | None = None
    redacted: tuple[str, ...] = ()
    """The arguments in which a credential was masked."""

    def masked(self) -> Request:
        """Return the request with credentials masked. A credential in the policy is refused instead."""
        found = list(self.redacted)
        asked = self.contract_version
        return self._replace(
            command=credentials.masked(self.command),
            args=credentials.masked_json(self.args, found),
            policy=self.policy,
            correlation_id=self.correlation_id,
            contract_version=asked and credentials.masked(asked),
            not_after=self.not_after,
            redacted=tuple(dict.fromkeys(found)),
        )


def for_intent(asked: Request, origin: Origin) -> dict[str, Any]:
    """Return the request as stored in an intent, so that it can be repeated after a kill."""
    return {
        "correlation_id": asked.correlation_id,
        "door": origin.door,
        "identity": origin.identity,
        "command": asked.command,
        "args": asked.args,
        "policy": asked.policy,
        "redacted": list(asked.redacted),
    }


def from_intent(call: Mapping[str, Any]) -> tuple[Request, Origin]:
    """Return the request that an intent stores; the inverse of `for_intent`.

    Raises:
        StateUnreadable: A part of it is missing.
    """
    try:
        asked = Request(
            command=call["command"],
            args=call["args"],
            policy=call["policy"],
            correlation_id=call["correlation_id"],
            redacted=tuple(call.get("redacted", ())),
        )
        return asked, Origin(door=call["door"], identity=call["identity"])
    except KeyError as error:
        raise StateUnreadable(f"the request of an intent has no {error}") from error


def read(raw: bytes, *, stem: str) -> Request:
    """Return the request in a file named `<stem>.json`.

    Raises:
        RequestMalformed: The file is not one strict JSON object.
        UsageError: A field is wrong; the message names it.
    """
    body = strict_json.load_object(raw)
    strict_json.check(body, skip="policy")  # Errors in it are reported as policy errors.
    for name, kind in REQUIRED.items():
        if not isinstance(body.get(name), kind):
            wanted = "an object" if kind is dict else "a text"
            raise UsageError(f"request field {name!r}: it is required and must be {wanted}")
    unknown = sorted(set(body) - set(REQUIRED) - OPTIONAL)
    if unknown:
        known = ", ".join([*REQUIRED, *sorted(OPTIONAL)])
        name = credentials.quoted(unknown[0])
        raise UsageError(f"request field {name} is unknown: a request has {known}")
    if body["correlation_id"] != stem:
        raise UsageError(
            "request field 'correlation_id': it must equal the file name without .json"
        )
    return Request(
        command=body["command"],
        args=body["args"],
        policy=body.get("policy"),
        correlation_id=stem,
        contract_version=body["contract_version"],
        not_after=_moment(body.get("not_after")),
    )


class Glance(NamedTuple):
    """The command and mission that a request names, even if it is invalid; empty if none."""

    is_whole: bool = True
    command: str = ""
    mission: str = ""


def glance(raw: bytes) -> Glance:
    """Read the command and mission of a request."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        return Glance(is_whole=False)
    if not isinstance(body, dict):
        return Glance()
    args, command = body.get("args"), body.get("command")
    selector = args.get("mission") if isinstance(args, dict) else None
    return Glance(
        command=command if isinstance(command, str) else "",
        mission=selector if isinstance(selector, str) else "",
    )


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        pass
    raise UsageError(
        "request field 'not_after': it must be a UTC time such as 2026-11-22T18:00:00Z"
    )
