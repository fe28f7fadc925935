"""The envelope of every reply, at both interfaces."""

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
    """Return the envelope of a success."""
    return _envelope(command, correlation_id, error_code=None, data=data)


def refused(command: str, correlation_id: str, error: SpecKittyError) -> Envelope:
    """Return the envelope of a refusal; `data` has the reason and whether to retry.

    The message may quote the request, so credentials in it are masked.
    """
    data = {"message": error.message, "retryable": error.retryable, **error.details}
    data = credentials.masked_json(data, [])
    return _envelope(command, correlation_id, error_code=error.code, data=data)


def encode(envelope: Envelope) -> bytes:
    """Encode as one line of ASCII JSON, so that control characters are escaped."""
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
