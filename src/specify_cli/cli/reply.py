"""Print the envelope that answers a contract command, and return its exit code."""

from __future__ import annotations

import json
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import Any

SUCCEEDED, REFUSED, NOT_UNDERSTOOD = 0, 1, 2
INTERRUPTED = 130


def give(answered: dict[str, Any]) -> int:
    """Print the envelope in one line, and return the exit code."""
    text = json.dumps(answered, separators=(",", ":"))
    sys.stdout.buffer.write(text.encode("ascii") + b"\n")
    sys.stdout.buffer.flush()
    if answered["success"]:
        return SUCCEEDED
    return NOT_UNDERSTOOD if answered["error_code"] == "USAGE_ERROR" else REFUSED
