"""Kinds of problems of a mailbox, and what its heartbeats say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from specify_cli.mailbox.health_facts import Facts

WELL, DEGRADED, DOWN = "well", "degraded", "down"
EXIT_CODES: Final = {WELL: 0, DEGRADED: 1, DOWN: 2}

KINDS: Final = (
    "no_worker",
    "worker_stopped",
    "worker_died",
    "worker_suspended",
    "worker_silent",
    "other_version",
    "stuck_request",
    "stalled_mailbox",
    "stalled_disk",
    "unmovable_request",
    "record_unusable",
    "stale_config",
    "damaged_config",
    "dead_letters",
    "disk_nearly_full",
)
"""Every kind of problem. An alert may depend on them, so none is renamed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: `next` are commands that can be pasted."""

    kind: str
    what: str
    next: tuple[str, ...] = ()
    health: str = DEGRADED
    identity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InProgress:
    """A request that was begun and is not answered."""

    identity: str
    correlation_id: str
    since: str
    age_s: float


def in_progress(facts: Facts) -> list[InProgress]:
    """Return the requests that a living worker has begun, oldest first."""
    found = []
    for mailbox in facts.mailboxes:
        listed = (mailbox.beat or {}).get("in_hand") if mailbox.is_alive else None
        # A worker of another version may not report them.
        for it in listed if isinstance(listed, list) else ():
            if isinstance(it, dict) and {"correlation_id", "since"} <= it.keys():
                name, since = str(it["correlation_id"]), str(it["since"])
                age_s = max(0.0, facts.now - (seconds(since) or facts.now))
                found.append(
                    InProgress(
                        identity=mailbox.paths.identity,
                        correlation_id=name,
                        since=since,
                        age_s=age_s,
                    )
                )
    return sorted(found, key=lambda it: -it.age_s)


def seconds(text: object) -> float | None:
    """Return the seconds since the epoch of a timestamp; None for anything else."""
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except (ValueError, OverflowError):
        return None


def last_beat(facts: Facts) -> Mapping[str, Any]:
    """Return the newest heartbeat that this user can read; empty if there is none."""
    beats = [facts.worker, *(it.beat for it in facts.mailboxes)]
    return max((it for it in beats if it), key=lambda it: str(it.get("beat_at")), default={})


def stalled(facts: Facts) -> Mapping[str, Mapping[str, str]]:
    """Return since when and why mailboxes are stalled, as a living worker tells the operator."""
    found = (facts.worker or {}).get("stalled") if facts.worker_is_alive else None
    return found if isinstance(found, dict) else {}
