"""Grammar of the mailbox protocol: ids, names, suffixes, reserved names, and default bounds.

`spec_kitty_client` is carried into sandboxes without the host, so it has its own copy of what it needs.

Source: `contract/v1/mailbox.md` and `contract/v1/access.md`.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

from specify_cli.patterns import pattern

SUFFIX: Final = ".json"
"""Suffix of requests and replies."""

RESERVED_SUFFIXES: Final = (SUFFIX, ".jsonl", ".tmp")
"""Suffixes of requests, of the journal, and of files that are being written. Names of orchestrators have none of them."""

HEARTBEAT: Final = "worker"
"""Stem of the heartbeat file in each outbox. No request has this id, in upper or lower case."""

CLAIM_PREFIX: Final = ".claim-"
"""Prefix of a claim that stays in the inbox, because the folder of claims is on another file system."""

CORRELATION_ID: Final = pattern(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
ORCHESTRATOR: Final = pattern(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", re.ASCII)

READS: Final = frozenset(
    {
        "contract-version",
        "list-missions",
        "list-ready",
        "mission-state",
        "package-history",
        "resolve-workspace",
        "show-prompt",
    }
)
"""Commands that change nothing. Their answers may be pruned."""

PRIVATE_ANSWERS: Final = MappingProxyType(
    {"show-prompt": ("prompt",), "package-history": ("history", "feedback")}
)
"""The fields of the data of reads that the published journal leaves out."""

MISSED_BEATS: Final = 3
"""After this many intervals without a beat, the worker counts as dead."""

MAX_WAITING: Final = 10_000
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
MAX_REQUEST_BYTES: Final = 256 * 1024
MAX_DAILY_REQUESTS: Final = 250_000
MAX_DAILY_BYTES: Final = 1024**3


def is_request_id(text: str) -> bool:
    """Return whether the text is a valid id of a request."""
    return CORRELATION_ID.fullmatch(text) is not None and text.lower() != HEARTBEAT


def is_orchestrator(name: str) -> bool:
    """Return whether this is a valid name of an orchestrator."""
    return ORCHESTRATOR.fullmatch(name) is not None and not name.lower().endswith(RESERVED_SUFFIXES)
