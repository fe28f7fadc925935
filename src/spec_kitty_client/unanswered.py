"""The errors for a reply that is missing or cannot be used.

These errors are raised by both transports. They import nothing, because the command line loads them at each call.
"""

from __future__ import annotations


class NotAnsweredError(TimeoutError):
    """No reply arrived in time.

    A request that was sent stays valid: the same call with this `correlation_id` gets its reply, and
    is carried out once.
    """

    reason = "not_answered"

    def __init__(self, message: str, correlation_id: str) -> None:
        super().__init__(message)
        self.correlation_id = correlation_id


class NoWorkerError(NotAnsweredError):
    """No worker serves the mailbox; the message says whether the request was sent.

    Start `spec-kitty mailbox serve` on the host. A request that was sent is answered once a worker runs.
    """

    reason = "no_worker"


class QueuedError(NotAnsweredError):
    """A worker is alive; the request still waits in the inbox, at `position`, from 1."""

    reason = "queued"

    def __init__(self, message: str, correlation_id: str, *, position: int) -> None:
        super().__init__(message, correlation_id)
        self.position = position


class TakenError(NotAnsweredError):
    """The host is at work on the request and did not answer it yet."""

    reason = "taken"


class LostContactError(NotAnsweredError):
    """The worker missed three beats while the client waited, or the folders cannot be accessed.

    The request stays valid; the worker answers it after a restart.
    """

    reason = "lost_contact"


class BadReplyError(ValueError):
    """The reply file is not an envelope that answers this request."""


class ForbiddenReplyError(PermissionError):
    """The reply exists, but this process may not read it."""


class TransportError(ConnectionError):
    """The host could not be reached, or ended without a reply.

    Attributes:
        is_temporary: Whether the same request, under the same id, may succeed a moment later.
    """

    def __init__(self, message: str, *, is_temporary: bool) -> None:
        super().__init__(message)
        self.is_temporary = is_temporary
