"""The one shape of every answer at either door."""

from __future__ import annotations

from typing import Any, TypeAlias

from specify_cli import clock, credentials
from specify_cli.errors import SpecKittyError
from specify_cli.plain import compact

CONTRACT_VERSION = "1.5.0"
MIN_PROVIDER_VERSION = "0.1.0"
UNKNOWN_COMMAND = "orchestrator-api.unknown"

Envelope: TypeAlias = dict[str, Any]


def succeeded(command: str, correlation_id: str, data: dict[str, Any]) -> Envelope:
    """The answer to a request that was carried out."""
    return _envelope(command, correlation_id, error_code=None, data=data)


def refused(command: str, correlation_id: str, error: SpecKittyError) -> Envelope:
    """The answer to a request that was not; `data` says why and whether to ask again.

    It may quote what was asked, so what looks like a credential is masked in it.
    """
    data = {"message": error.message, "retryable": error.retryable, **error.details}
    data = credentials.masked_json(data, [])
    return _envelope(command, correlation_id, error_code=error.code, data=data)


def encode(envelope: Envelope) -> bytes:
    """One line of ASCII JSON, so that no byte of a stranger reaches a terminal raw."""
    return compact(envelope).encode("ascii") + b"\n"


def _envelope(
    command: str, correlation_id: str, *, error_code: str | None, data: dict[str, Any]
) -> Envelope:
    return {
        "contract_version": CONTRACT_VERSION,
        "command": command,
        "timestamp": clock.timestamp(),
        "correlation_id": correlation_id,
        "success": error_code is None,
        "error_code": error_code,
        "data": data,
    }
