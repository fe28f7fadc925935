"""The stored state of a work package: JSON without the fields that have their initial values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from specify_cli.core.lanes import Lane
from specify_cli.core.reviews import Feedback
from specify_cli.core.state import PLANNED, PackageState
from specify_cli.plain import compact

_LANES: Final = {lane.value: lane for lane in Lane}
_PLAIN: Final = PLANNED._asdict()
_FEEDBACK: Final = Feedback._fields


def encode(state: PackageState) -> bytes:
    """Return the state as one line of ASCII JSON."""
    said = {name: getattr(state, name) for name in _PLAIN}
    said = {name: value for name, value in said.items() if value != _PLAIN[name]}
    for name in ("implementers", "released"):
        if name in said:
            said[name] = sorted(said[name])
    if state.feedback is not None:
        said["feedback"] = [getattr(state.feedback, name) for name in _FEEDBACK]
    return compact(said).encode("ascii")


def decode(rows: Iterable[tuple[bytes, bytes]]) -> dict[str, PackageState]:
    """Return the states of packages by id from rows of `bytes_of` and `encode`.

    Raises:
        ValueError, TypeError: a row has other content.
    """
    found = [*rows]
    # Parsing all of them at once takes a third of the time.
    said = json.loads(b"[" + b",".join(state for _, state in found) + b"]")
    return {text_of(wp_id): _state_in(one) for (wp_id, _), one in zip(found, said, strict=True)}


def bytes_of(text: str) -> bytes:
    """Encode text for a BLOB: it may contain a lone surrogate, which SQLite refuses in text."""
    return text.encode("utf-8", "surrogatepass")


def text_of(data: bytes) -> str:
    """Decode the result of `bytes_of`."""
    return data.decode("utf-8", "surrogatepass")


def _state_in(said: Mapping[str, Any]) -> PackageState:
    values = dict(said)
    for name in ("lane", "contested", "blocked_from"):
        if name in values:
            values[name] = _LANES[values[name]]
    for name in ("implementers", "released"):
        if name in values:
            values[name] = frozenset(values[name])
    if "feedback" in values:
        values["feedback"] = Feedback(**dict(zip(_FEEDBACK, values["feedback"], strict=True)))
    return PackageState(**values)
