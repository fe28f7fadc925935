"""Judge from the facts whether the mailbox is served: what is wrong, how bad it is, and what to do."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from specify_cli import __version__
from specify_cli.mailbox import health_disks
from specify_cli.mailbox.health_facts import Facts
from specify_cli.mailbox.health_problems import (
    DEGRADED,
    DOWN,
    EXIT_CODES,
    WELL,
    Problem,
    in_progress,
    last_beat,
    seconds,
    stalled,
)
from specify_cli.mailbox.worker_status import HANGS_AFTER_S
from specify_cli.storage.heartbeat_file import STOPPED

STUCK_AFTER_S: Final = 300.0
"""A request that is in progress for longer is stuck; a push may take longer."""

# A disk with less left has no room for a heartbeat.
_HEARTBEAT_BYTES: Final = 4096
# The settings that the host gives every git.
_SETTINGS: Final = re.compile(r" -c \S+")

SERVE: Final = "spec-kitty mailbox serve"


def problems(facts: Facts, *, stuck_after_s: float = STUCK_AFTER_S) -> list[Problem]:
    """Return what is wrong, the worst first."""
    found = [
        *_worker(facts),
        *_stuck(facts, stuck_after_s),
        *_stalled(facts),
        *health_disks.hanging(facts),
        *health_disks.config(facts),
        *_unmovable(facts),
        *_dead_letters(facts),
        *health_disks.disks(facts),
    ]
    if "config" in facts.failures:
        # No worker starts before it is corrected.
        found = [replace(it, next=tuple(n for n in it.next if n != SERVE)) for it in found]
    return sorted(found, key=lambda it: -EXIT_CODES[it.health])


def health(found: list[Problem]) -> str:
    """Return the worst health of the problems."""
    return max((it.health for it in found), key=EXIT_CODES.__getitem__, default=WELL)


# The process.


def _worker(facts: Facts) -> Iterator[Problem]:
    beat, holder = last_beat(facts), facts.holder
    since = f" since {beat['beat_at']}" if beat.get("beat_at") else ""
    if holder and facts.is_suspended:
        what = f"process {holder.pid} holds the mailbox, is stopped (SIGSTOP or Ctrl-Z), and answers nothing{since}"
        yield _down("worker_suspended", what, f"kill -CONT {holder.pid}")
    elif facts.is_alive:
        yield from _version(facts)
    elif holder:
        what = f"process {holder.pid} holds the mailbox, hangs, and has written no heartbeat{since}"
        yield _down("worker_silent", what, f"kill {holder.pid}", SERVE)
    elif not beat:
        yield _no_worker(facts)
    elif beat.get("state") == STOPPED:
        what = f"no worker; the last one stopped at {beat.get('beat_at')}"
        yield _down("worker_stopped", what, SERVE)
    else:
        what = (
            f"no worker; the last one, process {beat.get('pid')} on {beat.get('host_name')}, was last heard of at"
            f" {beat.get('beat_at')}: it was killed, or its machine went down"
        )
        yield _down("worker_died", what, SERVE)


def _no_worker(facts: Facts) -> Problem:
    if any(it.free_bytes < _HEARTBEAT_BYTES for it in facts.disks):
        what = "no worker has served it yet, or its heartbeat is not on the full disk"
        return _down("no_worker", what)
    if {"heartbeat/default", "worker"} & facts.hanging.keys():
        return _down("no_worker", "whether a worker runs is not known")
    return _down("no_worker", "no worker has served it yet", SERVE)


def _version(facts: Facts) -> Iterator[Problem]:
    version = (facts.worker or {}).get("version") if facts.worker_is_alive else None
    if version and version != __version__:
        pid = last_beat(facts).get("pid")
        yield Problem(
            kind="other_version",
            what=f"the worker runs version {version}, and this program is {__version__}: restart the worker",
            next=(f"kill {pid}", SERVE),
        )


def _down(kind: str, what: str, *advice: str) -> Problem:
    return Problem(kind=kind, what=what, next=advice, health=DOWN)


# Requests and mailboxes of a living worker.


def _stuck(facts: Facts, after_s: float) -> Iterator[Problem]:
    if facts.is_suspended:
        return
    for it in in_progress(facts):
        if it.age_s > after_s:
            slow = next((child for child in facts.children if child.age_s > min(after_s, 10)), None)
            pid = slow.pid if slow else last_beat(facts).get("pid")
            why = (
                f"; process {slow.pid} has been running for {slow.age_s:.0f} s: {_SETTINGS.sub('', slow.command)}"
                if slow
                else ""
            )
            yield Problem(
                kind="stuck_request",
                what=f"the request {it.correlation_id} has been in progress for {it.age_s:.0f} s{why}",
                next=(f"kill {pid}",) if slow else (f"kill {pid}", SERVE),
                identity=it.identity,
            )


def _stalled(facts: Facts) -> Iterator[Problem]:
    if facts.is_alive and not facts.is_suspended:
        hanging = _hanging(facts)
        yield from [hanging] if hanging else _stalled_mailboxes(facts)


def _hanging(facts: Facts) -> Problem | None:
    turn = (facts.worker or {}).get("turn") if facts.worker_is_alive else None
    waits_s = facts.now - (seconds((turn or {}).get("since")) or facts.now)
    if not turn or waits_s <= HANGS_AFTER_S:
        return None
    paths = facts.layout.paths(str(turn["identity"]))
    return Problem(
        kind="stalled_disk",
        what=f"the worker waits for {waits_s:.0f} s in mailbox {paths.identity}: the disk of {paths.inbox} or the record does not"
        f" answer, and no request is taken{health_disks.mount(str(paths.inbox))}{health_disks.lockers(facts)}",
        next=health_disks.ways_to_lockers(facts),
        health=DOWN,
        identity=paths.identity,
    )


def _stalled_mailboxes(facts: Facts) -> Iterator[Problem]:
    # A mailbox on a full disk cannot say so itself.
    reasons = stalled(facts)
    served = [it for it in facts.mailboxes if it.beat or it.paths.identity in reasons]
    for it in served:
        identity, beat = it.paths.identity, it.beat or {}
        entry = reasons.get(identity) or {}
        if not entry and not (it.is_alive and beat.get("state") == "stalled"):
            continue
        reason = entry.get("reason") or beat.get("stalled_reason")
        since = f" since {entry['since']}" if entry.get("since") else ""
        answers = not {it.paths.inbox, it.paths.outbox} & {*facts.hanging.values()}
        space = (f"df -h {shlex.quote(str(it.paths.outbox))}",) if answers else ()
        yield Problem(
            kind="stalled_mailbox",
            what=f"mailbox {identity} is stalled{since}; nothing is lost, the worker retries: {reason}",
            next=(*space, "spec-kitty doctor"),
            health=DOWN if {one.paths.identity for one in served} <= reasons.keys() else DEGRADED,
            identity=identity,
        )


def _unmovable(facts: Facts) -> Iterator[Problem]:
    found = (facts.worker or {}).get("unmovable") if facts.is_alive else None
    for identity, what in (found or {}).items():
        yield Problem(
            kind="unmovable_request",
            what=f"{what}; check the owner and the permissions of the folder",
            next=(f"ls -la {shlex.quote(str(facts.layout.paths(identity).inbox))}",),
            identity=identity,
        )


def _dead_letters(facts: Facts) -> Iterator[Problem]:
    for it in facts.mailboxes:
        count = (it.beat or {}).get("dead_letters")
        if isinstance(count, int) and count:
            yield Problem(
                kind="dead_letters",
                what=f"{count} dead {'letter waits' if count == 1 else 'letters wait'} in mailbox {it.paths.identity}",
                next=("spec-kitty mailbox dead-letters list --waiting",),
                identity=it.paths.identity,
            )
