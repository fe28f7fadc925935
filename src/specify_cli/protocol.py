"""Grammar of the mailbox protocol: ids, names, suffixes, reserved names, and default bounds.

`mailbox.client`, which is carried into sandboxes by itself, has a copy of what it needs.

Source: `contract/v1/mailbox.md` and `contract/v1/access.md`.
"""

from __future__ import annotations

import re
from typing import Final

from specify_cli.patterns import pattern

SUFFIX: Final = ".json"
"""Of a request and of a reply."""

ENDINGS_OF_FILES: Final = (SUFFIX, ".jsonl", ".tmp")
"""A request, a part of the journal, and a file that is being written. No orchestrator has such a name."""

HEARTBEAT: Final = "worker"
"""The stem of the heartbeat's file in each outbox. No request has this id, in any case of letters."""

CLAIM_PREFIX: Final = ".claim-"
"""Begins the name of a claim in an inbox on another file system than the folder of claims."""

CORRELATION_ID: Final = pattern(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
ORCHESTRATOR: Final = pattern(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}", re.ASCII)

READS: Final = frozenset({"contract-version", "list-ready", "mission-state", "resolve-workspace"})
"""The commands that change nothing: their answers may be pruned."""

MISSED_BEATS: Final = 3
"""After so many intervals without a beat no worker is taken to run."""

MAX_WAITING: Final = 10_000
MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
MAX_REQUEST_BYTES: Final = 256 * 1024
MAX_DAILY_REQUESTS: Final = 250_000
MAX_DAILY_BYTES: Final = 1024**3


def is_request_id(text: str) -> bool:
    """Whether a request can be answered under this id."""
    return CORRELATION_ID.fullmatch(text) is not None and text.lower() != HEARTBEAT


def is_orchestrator(name: str) -> bool:
    """Whether this can be the name of an orchestrator."""
    return ORCHESTRATOR.fullmatch(name) is not None and not name.lower().endswith(ENDINGS_OF_FILES)
