"""The note of a call at the command line: what is needed to ask again on behalf of a dead caller."""

from __future__ import annotations

from functools import partial
from typing import Any

from specify_cli.errors import StateUnreadable
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.request import Origin, Request

find = partial(registry.find, for_people=True)
"""Whoever settles a note knows the words of every caller."""


def note(asked: Request, origin: Origin) -> dict[str, Any]:
    """The call as a JSON object."""
    return {
        "correlation_id": asked.correlation_id,
        "door": origin.door,
        "identity": origin.identity,
        "command": asked.command,
        "args": asked.args,
        "policy": asked.policy,
        "redacted": list(asked.redacted),
    }


def read(call: dict[str, Any]) -> tuple[Request, Origin]:
    """The call as it was made.

    Raises: StateUnreadable for a note of another kind.
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
        raise StateUnreadable(f"a note of a begun call has no {error}") from error
