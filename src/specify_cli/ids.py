"""Creation of ids, and the scopes in which they are unique."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from specify_cli import clock

ULID_BITS = 128
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(high + low for high in CROCKFORD for low in CROCKFORD)
_SHIFTS: Final = range(120, -1, -10)
# Translates to the digits that int() reads; letters that no ULID contains become invalid.
_DIGITS: Final = str.maketrans(f"{CROCKFORD}ILOU", "0123456789ABCDEFGHIJKLMNOPQRSTUV????")
DAY_S = 86_400
MAILBOX = "mailbox"
"""The interface of orchestrators that write files."""
DEFAULT_ORCHESTRATOR = "default"
"""The orchestrator of the root inbox. It shares its ids with the command line."""
SHARED_SCOPE = ""


def ulid(*, after: str | None = None) -> str:
    """Return a new ULID: 26 characters that sort by the millisecond of their creation.

    It sorts after `after`, whatever the clock says, unless `after` is the last ULID.

    Not taken from a library, whose import takes longer than a command may take to start.

    Source: the ULID specification, 48 bits of milliseconds and 80 random bits in Crockford base 32.
    """
    milliseconds = int(clock.now().timestamp() * 1000)
    number = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    if after is not None:
        behind = max(number, _number_of(after) + 1)
        number = behind if behind >> ULID_BITS == 0 else number
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])


def is_far_ahead(ulid_text: str) -> bool:
    """Return whether the ULID is more than a day in the future, and thus probably forged."""
    return _number_of(ulid_text) >> 80 > (clock.now().timestamp() + DAY_S) * 1000


def _number_of(ulid_text: str) -> int:
    return int(ulid_text.translate(_DIGITS), 32)


def correlation_id() -> str:
    """Return a new id for a request whose caller gave none."""
    return f"corr-{os.urandom(16).hex()}"


def history_entry_id(event_id: str) -> str:
    """Return the id of the history entry in the event. It is derived, so that a repeated request gets the same."""
    return f"hist-{hashlib.sha256(event_id.encode()).hexdigest()[:32]}"


def scope_of(door: str, identity: str) -> str:
    """Return the scope of correlation ids for an interface and orchestrator; empty for the shared scope."""
    is_own = door == MAILBOX and identity != DEFAULT_ORCHESTRATOR
    return identity if is_own else SHARED_SCOPE
