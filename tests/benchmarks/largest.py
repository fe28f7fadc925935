"""What a mission with very many events and packages costs: `python -m tests.benchmarks.largest`.

Makes one in the record of a scratch project, through the code of the host, and measures calls at the command line, a
worker, `doctor` and `mailbox verify`: time, memory, and room on the disk. Of a million events it takes some minutes
and two gigabytes.

Example: python -m tests.benchmarks.largest --events 100000 --packages 1000
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Final

from spec_kitty_client.mailbox import Mailbox
from specify_cli.core.events import Annotated, Event, Transitioned
from specify_cli.core.lanes import Lane
from specify_cli.storage import event_lines, published_line, records
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.project import Project
from specify_cli.storage.record_entries import EVENTS, REQUEST, Asked, Draft, KnownMission
from tests.benchmarks.command_rows import PYDANTIC, claim
from tests.benchmarks.large_mission import LANES, SLUG, write_mission
from tests.benchmarks.mailbox_rows import mailbox_of, serving
from tests.benchmarks.timing import project_at, spec_kitty

AT: Final = "2030-01-01T00:00:00+00:00"
AT_ONCE: Final = 20_000
"""Entries a commit."""

NOTE: Final = "n" * 120
_STARTER: Final = """import os, sys, time
begun = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
print([time.perf_counter() - begun, usage.ru_maxrss, os.waitstatus_to_exitcode(status)])
"""
ANSWERED_OF: Final = 10
"""Of so many events one was asked for by a request, whose answer is in the record, too; the others are as of older hosts."""

READY_OF: Final = 10
"""One of this many packages is still planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one process took: seconds and peak megabytes; `tail` is the end of its output."""

    seconds: float
    megabytes: float
    status: int
    tail: str


def events_of(package: int, count: int) -> Iterator[Event]:
    """Events of one package: its moves, and notes of who works on it."""
    wp_id = f"WP{package:03}"
    moves = [] if package % READY_OF == 0 else [*pairwise(LANES)]
    for number in range(count):
        event_id = f"{package:08}{number:018}"
        is_answered = number % ANSWERED_OF == 0
        cause = f"r-{package}-{number}" if is_answered else None
        if number < len(moves):
            begun, ended = moves[number]
            yield Transitioned(
                event_id=event_id,
                at=AT,
                actor="nightly",
                wp_id=wp_id,
                from_lane=Lane(begun),
                to_lane=Lane(ended),
                correlation_id=cause,
                request_digest=f"sha256:{number:064}",
            )
        else:
            yield Annotated(
                event_id=event_id,
                at=AT,
                actor="nightly",
                wp_id=wp_id,
                delta={"note": NOTE},
                correlation_id=cause,
                request_digest=f"sha256:{number:064}",
            )


def answer_to(event: Event) -> Draft:
    """Return the request that caused the event, with its answer."""
    cause, digest = event.correlation_id or "", event.request_digest or ""
    data = {"mission_slug": SLUG, "mission_number": 1, "history_entry_id": event.event_id}
    line = {
        "correlation_id": cause,
        "at": AT,
        "door": "cli",
        "actor": event.actor,
        "digest": digest,
        "command": "orchestrator-api.append-history",
        "args": {"mission": SLUG, "actor": event.actor},
        "policy": None,
        "envelope": {"correlation_id": cause, "success": True, "error_code": None, "data": data},
        "event_ids": [event.event_id],
        "commits": [],
        "dead_letter": None,
    }
    return Draft(
        at=AT,
        kind=REQUEST,
        published=lambda seq, prev: published_line.encode(line, seq=seq, prev=prev),
        asked=Asked(id=cause, digest=digest, is_new=True),
    )


def drafts(mission: int, *, events: int, packages: int) -> Iterator[Draft]:
    """What each event's request would have committed, if they had come one after the other."""
    each = events // packages
    for package in range(1, packages + 1):
        for event in events_of(package, each):
            lines = event_lines.encode([event], mission_slug=SLUG)
            yield Draft(at=AT, kind=EVENTS, mission=mission, log=lines)
            if event.correlation_id:
                yield answer_to(event)


def make(root: Path, *, events: int, packages: int) -> None:
    """Write the mission to the record, and its files."""
    write_mission(root, packages=packages, is_new=True)
    record = records.made(Layout(root))
    known = record.keep_mission(KnownMission(mission_id=None, folder=SLUG, branch="main"))
    left = drafts(known.number or 0, events=events, packages=packages)
    made = 0
    while some := [*islice(left, AT_ONCE)]:
        record.commit_all(some)
        made += len(some)
        print(f"  {made:,} entries", file=sys.stderr, flush=True)
    MissionFiles(Project(root), SLUG).log.put_right()
    Journal(Layout(root)).publish()
    record.close()


def cost(command: Sequence[str], root: Path) -> Cost:
    """Measure the process."""
    with tempfile.TemporaryFile() as said:
        # The peak of a process counts from its parent's size on, so a small process starts it.
        starter = [sys.executable, "-S", "-c", _STARTER, *command]
        done = subprocess.run(starter, cwd=root, stdout=subprocess.PIPE, stderr=said, check=True)
        said.seek(0)
        tail = said.read()[-300:].decode(errors="replace").strip()
    seconds, kilobytes, status = json.loads(done.stdout)
    return Cost(seconds=seconds, megabytes=kilobytes / 1024, status=status, tail=tail)


def show(name: str, found: Cost) -> None:
    """One line of the table."""
    code = f"  exit {found.status}: {found.tail[-160:]!r}" if found.status else ""
    print(f"{name:44} {found.seconds:9.2f} s {found.megabytes:8.0f} MB{code}", flush=True)


def measure_calls(root: Path, *, rounds: int) -> None:
    """Measure processes that have nothing in memory."""
    show(PYDANTIC, cost([sys.executable, "-c", "import pydantic"], root))
    line = [*spec_kitty(), "orchestrator-api"]
    for name in ("mission-state", "list-ready"):
        for _ in range(rounds):
            show(f"{name} at the command line", cost([*line, name, "--mission", SLUG], root))
    for number in range(1, rounds + 1):
        command = claim(f"WP{number * READY_OF:03}", mission=SLUG)
        show("transition --to claimed", cost(command, root))
    show("doctor", cost([*spec_kitty(), "doctor"], root))
    show("mailbox verify", cost([*spec_kitty(), "mailbox", "verify"], root))


def measure_worker(root: Path, *, rounds: int) -> None:
    """A worker's start, its answers, and its memory."""
    mailbox = mailbox_of(root)
    begun = time.perf_counter()
    with serving(root) as worker:
        print(f"{'a worker that starts':44} {time.perf_counter() - begun:9.2f} s")
        args = {"mission": SLUG, "wp": "WP001", "actor": "someone", "note": "hello"}
        for name, asked in (
            ("mission-state", {"mission": SLUG}),
            ("list-ready", {"mission": SLUG}),
            ("append-history", args),
        ):
            for place in ["first", *["later"] * rounds]:
                _ask(mailbox, name, asked, place=place)
        status = Path(f"/proc/{worker.pid}/status").read_text()
        peak = next(it for it in status.splitlines() if it.startswith("VmHWM"))
        print(f"{'memory of the worker':44} {int(peak.split()[1]) / 1024:20.0f} MB")


def _ask(mailbox: Mailbox, name: str, args: dict[str, str], *, place: str) -> None:
    begun = time.perf_counter()
    reply = mailbox.wait(mailbox.submit(name, args), timeout_s=600)
    took = time.perf_counter() - begun
    size = len(json.dumps(reply))
    code = reply["error_code"] or "OK"
    print(
        f"{f'{name} by the worker, {place}':44} {took:9.2f} s  {code}, {size:,} bytes", flush=True
    )


def show_room(root: Path) -> None:
    """Measure the files on the disk."""
    for name in (".git/spec-kitty", "kitty-specs", ".kitty"):
        taken = sum(it.lstat().st_size for it in (root / name).rglob("*"))
        print(f"{name:44} {taken / 1e6:20,.0f} MB")


@contextmanager
def _project(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=folder, prefix="spec-kitty-largest-") as name:
        root = Path(name).resolve()
        project_at(root)
        yield root


def main(words: Sequence[str] | None = None) -> int:
    """The exit code: 0 if all was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="usually 1,000,000")
    parser.add_argument("--packages", type=int, default=10_000, help="usually 10,000")
    parser.add_argument("--rounds", type=int, default=3, help="samples; usually 3")
    parser.add_argument("--folder", type=Path, default=Path("/var/tmp"), help="usually /var/tmp")
    options = parser.parse_args(words)
    if not 1 <= options.packages <= options.events:
        parser.error("--packages: at least 1, and at most as many as there are events")
    with _project(options.folder) as root:
        begun = time.perf_counter()
        make(root, events=options.events, packages=options.packages)
        print(f"{'making it':44} {time.perf_counter() - begun:9.2f} s", flush=True)
        measure_calls(root, rounds=options.rounds)
        measure_worker(root, rounds=options.rounds)
        show_room(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
