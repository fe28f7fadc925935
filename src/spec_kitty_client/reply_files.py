"""Read a file that a host has written, and check that it is an envelope."""

from __future__ import annotations

import errno
import json
import os
import stat

from spec_kitty_client.unanswered import BadReplyError

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import Any

# Text fields of every envelope; a later contract may add more.
TEXTS = ("contract_version", "command", "timestamp", "correlation_id")
# Do not follow a link, and do not block on a FIFO.
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW


def read_regular_file(path: str, *, max_bytes: int) -> bytes:
    """Return the content of a regular file.

    Raises:
        OSError: it cannot be opened or read.
        BadReplyError: it is not a regular file, or too large.
    """
    try:
        descriptor = os.open(path, READ_FLAGS)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise BadReplyError(f"{path} is a link or a socket, not a reply of a host") from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadReplyError(f"{path} is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
    finally:
        os.close(descriptor)
    if len(data) > max_bytes:
        raise BadReplyError(f"{path} is larger than {max_bytes} bytes")
    return data


def parse_envelope(data: bytes, *, source: str) -> dict[str, Any] | None:
    """Return the envelope in `data`; None if it is not one JSON object, as after a loss of power.

    Raises:
        BadReplyError: It is a JSON object, but not an envelope.
    """
    if not _is_object(data):
        return None
    try:
        # int() rejects NaN and Infinity, which are not JSON.
        envelope: Any = json.loads(data, parse_constant=int, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadReplyError(f"{source} is not JSON") from error
    if not all(isinstance(envelope.get(name), str) for name in TEXTS):
        raise BadReplyError(
            f"{source} is not a complete envelope, which has the texts {', '.join(TEXTS)}"
        )
    success, code = envelope.get("success"), envelope.get("error_code", "")
    agree = (success is True and code is None) or (
        success is False and code and isinstance(code, str)
    )
    if not agree or not isinstance(envelope.get("data"), dict):
        raise BadReplyError(
            f"{source} contradicts itself: success, error_code and data do not agree"
        )
    answer: dict[str, Any] = envelope
    return answer


def _is_object(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _finite(text: str) -> float:
    number = float(text)
    if abs(number) == float("inf"):
        raise ValueError("a number is too large")
    return number
