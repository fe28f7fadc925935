"""The state of a work package as the record keeps it: JSON, without what is as at the beginning."""

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
    """The state as one line of JSON, in ASCII."""
    said = {name: getattr(state, name) for name in _PLAIN}
    said = {name: value for name, value in said.items() if value != _PLAIN[name]}
    for name in ("implementers", "released"):
        if name in said:
            said[name] = sorted(said[name])
    if state.feedback is not None:
        said["feedback"] = [getattr(state.feedback, name) for name in _FEEDBACK]
    return compact(said).encode("ascii")


def decode(rows: Iterable[tuple[bytes, bytes]]) -> dict[str, PackageState]:
    """The states of packages by their ids, as `encode` and `bytes_of` have made them.

    Raises: ValueError, TypeError where something else stands there.
    """
    found = [*rows]
    # All of them at once takes a third of the time.
    said = json.loads(b"[" + b",".join(state for _, state in found) + b"]")
    return {text_of(wp_id): _state_in(one) for (wp_id, _), one in zip(found, said, strict=True)}


def bytes_of(text: str) -> bytes:
    """Text as it is kept: that of somebody else may have a lone surrogate in it, which SQLite takes in no text."""
    return text.encode("utf-8", "surrogatepass")


def text_of(data: bytes) -> str:
    """The text that `bytes_of` made these of."""
    return data.decode("utf-8", "surrogatepass")


def _state_in(said: Mapping[str, Any]) -> PackageState:
    values = dict(said)
    for name in ("lane", "contested"):
        if name in values:
            values[name] = _LANES[values[name]]
    for name in ("implementers", "released"):
        if name in values:
            values[name] = frozenset(values[name])
    if "feedback" in values:
        values["feedback"] = Feedback(**dict(zip(_FEEDBACK, values["feedback"], strict=True)))
    return PackageState(**values)
