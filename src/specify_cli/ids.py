"""The only minter of ids, and whose own they are."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from specify_cli import clock

ULID_BITS = 128
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS: Final = tuple(high + low for high in CROCKFORD for low in CROCKFORD)
_SHIFTS: Final = range(120, -1, -10)
# As Python writes base 32; the letters that are in no ULID stay out of it.
_DIGITS: Final = str.maketrans(f"{CROCKFORD}ILOU", "0123456789ABCDEFGHIJKLMNOPQRSTUV????")
DAY_S = 86_400
MAILBOX = "mailbox"
"""The door of the orchestrators that write files."""
DEFAULT_ORCHESTRATOR = "default"
"""The orchestrator whose inbox is the root inbox; it shares its ids with the command line."""
SHARED_SCOPE = ""


def ulid(*, after: str | None = None) -> str:
    """A new ULID: 26 characters that sort by their millisecond of birth.

    It also sorts behind `after`, whatever the clock says, unless nothing does.

    Minted here because the published library takes longer to import than a command may take to start.
    Source: the ULID specification, 48 bits of milliseconds and 80 random bits in Crockford base 32.
    """
    milliseconds = int(clock.now().timestamp() * 1000)
    number = (milliseconds << 80) | int.from_bytes(os.urandom(10), "big")
    if after is not None:
        behind = max(number, _number_of(after) + 1)
        number = behind if behind >> ULID_BITS == 0 else number
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])


def is_far_ahead(minted: str) -> bool:
    """Whether the clock will not reach that ULID within a day: nobody's clock was so, or it is forged."""
    return _number_of(minted) >> 80 > (clock.now().timestamp() + DAY_S) * 1000


def _number_of(minted: str) -> int:
    return int(minted.translate(_DIGITS), 32)


def correlation_id() -> str:
    """A new id for a request whose caller gave none."""
    return f"corr-{os.urandom(16).hex()}"


def history_entry_id(event_id: str) -> str:
    """The id of the history entry that the event holds; derived, so that asking again gives the same."""
    return f"hist-{hashlib.sha256(event_id.encode()).hexdigest()[:32]}"


def scope_of(door: str, identity: str) -> str:
    """Whose own the correlation ids of that door and orchestrator are; empty for the shared ones."""
    is_own = door == MAILBOX and identity != DEFAULT_ORCHESTRATOR
    return identity if is_own else SHARED_SCOPE
