"""A request as an intent keeps it: what is needed to ask it again on behalf of a caller that was killed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from specify_cli.errors import StateUnreadable
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.request import Origin, Request

find = partial(registry.find, for_people=True)
"""Whoever asks it again knows the words of every caller."""


def kept(asked: Request, origin: Origin) -> dict[str, Any]:
    """The request as a JSON object."""
    return {
        "correlation_id": asked.correlation_id,
        "door": origin.door,
        "identity": origin.identity,
        "command": asked.command,
        "args": asked.args,
        "policy": asked.policy,
        "redacted": list(asked.redacted),
    }


def read(call: Mapping[str, Any]) -> tuple[Request, Origin]:
    """The request as it was made.

    Raises: StateUnreadable where something of it is missing.
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
