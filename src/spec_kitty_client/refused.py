"""The base of the exceptions for refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spec_kitty_client.shapes import set_fields


class Refused(Exception):
    """The host refused the request, and nothing was changed.

    The host's codes have a subclass each, with the fields of the code as attributes. A code that this
    version does not know is raised as `Refused` itself.

    Attributes:
        code: Error code of the contract, such as `WP_ALREADY_CLAIMED`.
        message: What was wrong, where, and what to do, for people.
        retryable: Whether the same request may succeed later, under a new correlation id.
        correlation_id: Id of the request.
        envelope: The whole reply; its `data` also has fields that this version does not know.
    """

    def __init__(self, envelope: Mapping[str, Any]) -> None:
        data: Mapping[str, Any] = envelope["data"]
        self.envelope = envelope
        self.code: str = envelope["error_code"]
        self.message: str = str(data.get("message", ""))
        self.retryable: bool = data.get("retryable") is True
        self.correlation_id: str = envelope["correlation_id"]
        super().__init__(f"{self.code}: {self.message}")
        set_fields(self, data)

    def __reduce__(self) -> tuple[type[Refused], tuple[Mapping[str, Any]]]:
        return type(self), (self.envelope,)
