"""Judge disks, record and settings: what hangs, what is full, and what the worker has not read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from specify_cli.errors import SpecKittyError
from specify_cli.files import mounts
from specify_cli.mailbox.health_facts import ANSWER_WITHIN_S, Facts
from specify_cli.mailbox.health_problems import Problem, last_beat, stalled
from specify_cli.storage.record_database import DATABASE

_LOW_SHARE, _LOW_BYTES, _LOW_FILES = 0.05, 1024**3, 10_000


def hanging(facts: Facts) -> Iterator[Problem]:
    """Yield what did not answer in time, and what the worker or this program could not use."""
    for path in dict.fromkeys(facts.hanging.values()):
        names = [name for name, at in facts.hanging.items() if at == path]
        what = path / DATABASE if names == ["record"] else path
        yield Problem(
            kind="record_unusable" if names == ["record"] else "stalled_disk",
            what=f"{what} did not answer within {ANSWER_WITHIN_S:g} s{mount(str(path))}"
            + (lockers(facts) if names == ["record"] else ""),
            next=ways_to_lockers(facts) if names == ["record"] else (),
        )
    pid = last_beat(facts).get("pid")
    for it in facts.mailboxes:
        beat = it.beat or {}
        is_behind = facts.worker_is_alive and bool(beat) and not it.is_alive
        is_told = facts.is_suspended or it.paths.identity in stalled(facts)
        if is_behind and beat.get("pid") == pid and not is_told:
            yield Problem(
                kind="stalled_disk",
                what=f"the worker runs, but has not been able to write to {it.paths.outbox} since {beat.get('beat_at')}"
                f"{mount(str(it.paths.outbox))}",
                identity=it.paths.identity,
            )
    if failure := facts.failures.get("record"):
        message = failure.message if isinstance(failure, SpecKittyError) else str(failure)
        yield Problem(kind="record_unusable", what=message, next=("spec-kitty doctor",))


def ways_to_lockers(facts: Facts) -> tuple[str, ...]:
    """Return the commands that show the processes that have locked the record."""
    return tuple(f"ps -o pid,etime,args -p {pid}" for pid in _others(facts))


def _others(facts: Facts) -> list[int]:
    worker = last_beat(facts).get("pid")
    return [pid for pid in facts.lockers if pid != worker]


def lockers(facts: Facts) -> str:
    """Name the processes that have locked the record; empty without."""
    found = ", ".join(map(str, _others(facts)))
    return f"; processes that have locked the record: {found}" if found else ""


def mount(path: str) -> str:
    """Describe the mount of the path in parentheses; empty if it is not known."""
    found = mounts.described(path)
    return f" ({found})" if found else ""


def config(facts: Facts) -> Iterator[Problem]:
    """Yield whether `config.toml` is damaged, or was changed after the worker had read it."""
    failure = facts.failures.get("config")
    if failure is not None:
        message = failure.message if isinstance(failure, SpecKittyError) else str(failure)
        kept = "; the worker keeps the former settings" if facts.is_alive else ""
        yield Problem(
            kind="damaged_config", what=message + kept, next=("spec-kitty mailbox access",)
        )
    elif not facts.worker_is_alive or "config" in facts.hanging:
        return
    elif stale_config(facts.worker, facts.config_digest):
        yield Problem(
            kind="stale_config",
            what=f"{facts.layout.config} was changed, and the worker still uses the former settings",
            next=("spec-kitty mailbox reload",),
        )


def stale_config(worker: Mapping[str, Any] | None, digest: str | None) -> bool:
    """Return whether a living worker with this status uses another `config.toml` than the one with this digest."""
    used = (worker or {}).get("config")
    return isinstance(used, dict) and used.get("digest") != digest


def disks(facts: Facts) -> Iterator[Problem]:
    """Yield the disks that are nearly full."""
    for disk in facts.disks:
        is_low = disk.free_bytes < min(_LOW_SHARE * disk.size_bytes, _LOW_BYTES)
        lacks_files = bool(disk.files) and disk.free_files < min(
            _LOW_SHARE * disk.files, _LOW_FILES
        )
        if is_low or lacks_files:
            left = f"{disk.free_bytes:,} bytes" if is_low else f"room for {disk.free_files:,} files"
            yield Problem(
                kind="disk_nearly_full",
                what=f"the disk of {disk.path} has only {left} left",
                next=(
                    f"df -h{'' if is_low else 'i'} {shlex.quote(disk.path)}",
                    "spec-kitty mailbox prune",
                ),
            )
