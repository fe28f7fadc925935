"""Print the envelope that answers a contract command, and return its exit code."""

from __future__ import annotations

import json
import os
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


def is_failed_write(error: OSError) -> bool:
    """Return whether stdout could not be written, such as on a full disk."""
    import errno

    # Operations on files name the file, and the host turns their errors into refusals.
    causes = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
    return error.filename is None and error.errno in causes


def end_output(error: OSError) -> int:
    """Report that stdout could not be written, and return the exit code."""
    print(f"cannot write to stdout: {error.strerror}", file=sys.stderr)
    # Python flushes stdout once more at exit, and would report the failure again.
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
    return REFUSED
