"""The one way to write JSON values as text."""

from __future__ import annotations

import json
from typing import Any, Final

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))


def compact(value: Any) -> str:
    """Return the JSON value as ASCII text without spaces, the form of replies and of all hashed lines."""
    return _ENCODER.encode(value)
