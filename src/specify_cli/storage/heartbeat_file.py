"""The worker's heartbeat file, and the rule by which it counts as alive."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, Final

from specify_cli import clock
from specify_cli.files.regular_files import NotRegular, TooLarge, read_with_status
from specify_cli.protocol import MISSED_BEATS

MAX_BYTES: Final = 64 * 1024
STOPPED: Final = "stopped"

_USUAL_INTERVAL_S: Final = 2.0
_LONGEST_INTERVAL_S: Final = 3600.0


def last_beat(path: Path, *, max_bytes: int = MAX_BYTES) -> dict[str, Any] | None:
    """Return the content of the last beat; None if it cannot be read."""
    return read(path, max_bytes)[0]


def is_alive(path: Path, *, max_bytes: int = MAX_BYTES) -> bool:
    """Whether the last beat is younger than three intervals and does not report a stop.

    A beat as far in the future counts as missing. `spec_kitty_client.heartbeat` has the same limit, and also
    accepts a beat that changes while it watches, whatever its date.
    """
    beat, status = read(path, max_bytes)
    if beat is None or status is None or beat.get("state") == STOPPED:
        return False
    age_s = clock.now().timestamp() - status.st_mtime
    return abs(age_s) < MISSED_BEATS * _interval_s(beat)


def read(path: Path, max_bytes: int) -> tuple[dict[str, Any] | None, os.stat_result | None]:
    """Return the content of the last beat, and the status of its file; None if it cannot be read."""
    try:
        data, status = read_with_status(path, max_bytes=max_bytes)
        found = json.loads(data)
    except (OSError, NotRegular, TooLarge, ValueError, RecursionError):
        return None, None
    return (found, status) if isinstance(found, dict) else (None, None)


def _interval_s(beat: dict[str, Any]) -> float:
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        given = float(beat.get("interval_s", _USUAL_INTERVAL_S))
        return given if 0 < given <= _LONGEST_INTERVAL_S else 0.0
    return 0.0
