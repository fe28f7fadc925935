"""Inject faults into the record alone, at every call that changes a file, and check it from another process.

A process commits a few requests, asks again after an error as a caller would, and tells what was
acknowledged. Then another process opens the record, and all requests are asked once more.
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from specify_cli.errors import SpecKittyError
from specify_cli.storage import record_schema, record_states
from specify_cli.storage.record import Record
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.record_entries import AlreadyAsked, Asked, Draft, KnownMission
from tests.faults import shim
from tests.faults.disk import History
from tests.faults.shim import Control, Orders, calls

REQUESTS = 6
TRIES = 5
FAILED, BROKEN = 3, 70
AT = "2026-01-01T00:00:00+00:00"

KINDS = {
    "kill-before": Orders(action=shim.KILL_BEFORE),
    "kill-after": Orders(action=shim.KILL_AFTER),
    "eio": Orders(action=shim.FAIL, value=errno.EIO),
    "enospc": Orders(action=shim.FAIL, value=errno.ENOSPC),
    "emfile": Orders(action=shim.FAIL, value=errno.EMFILE),
    "short-write": Orders(action=shim.SHORT),
    "eio-from-on": Orders(action=shim.FAIL, value=errno.EIO, from_on=True),
    "enospc-from-on": Orders(
        action=shim.FAIL,
        value=errno.ENOSPC,
        from_on=True,
        mask=shim.mask("open", "write", "truncate", "mkdir"),
    ),
}
MODES = ("WAL", "DELETE")


def drafts(number: int) -> list[Draft]:
    """The content of the request of that number: an event, and its answer with the resulting state."""
    asked = Asked(id=f"r{number}", digest=f"d{number}")
    move = {"event_id": f"E{number}", "actor": f"a{number}", "wp_id": "WP01"}
    move |= {"from_lane": "planned", "to_lane": "claimed", "correlation_id": asked.id}
    return [
        Draft(at=AT, kind="event", mission=1, log=json.dumps(move).encode() + b"\n"),
        Draft(
            at=AT,
            kind="request",
            mission=1,
            published=lambda seq, prev: b'{"seq":%d,"prev":"%s"}\n' % (seq, prev.encode()),
            asked=asked,
        ),
    ]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the process that commits: its exit code, what it acknowledged, and its other output."""

    status: int
    acknowledged: list[int]
    words: list[str]
    control: Control


class Bench:
    """A folder with the record into which faults are injected."""

    def __init__(self, folder: Path, library: ctypes.CDLL, mode: str) -> None:
        self.folder, self.library, self.mode = folder, library, mode
        self.root = folder / "root"
        self.trace = folder / "trace"

    def clear(self) -> None:
        """Remove the record."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()

    def run(self, orders: Orders, *, trace: Path | None = None, marks: bool = False) -> Run:
        """Run the process that commits all requests, with the fault; with `marks`, a file notes each."""
        control = Control(self.folder / "control", root=self.root, orders=orders, trace=trace)
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            os._exit(self._commit(control, writer, marks=marks))
        os.close(writer)
        with os.fdopen(reader) as told:
            lines = told.read().splitlines()
        _, status = os.waitpid(child, 0)
        return Run(
            status=os.waitstatus_to_exitcode(status),
            acknowledged=[int(it) for it in lines if it.isdigit()],
            words=[it for it in lines if not it.isdigit()],
            control=control,
        )

    def _commit(self, control: Control, writer: int, *, marks: bool) -> int:
        os.setsid()
        os.environ[shim.CONTROL_VARIABLE] = str(control.path)
        self.library.faults_attach(os.fsencode(control.path), 1)
        record = None
        number = failed = 0
        try:
            while number < REQUESTS:
                try:
                    record = record or Record.make(self.root)
                    ask(record, number)
                except SpecKittyError as error:
                    failed += 1
                    os.write(writer, f"{type(error).__name__}: {error}\n".encode())
                    if failed == TRIES:
                        return FAILED
                else:
                    os.write(writer, b"%d\n" % number)
                    number += 1
                    if marks:
                        os.close(os.open(self.root / f"ack-{number}", os.O_CREAT | os.O_WRONLY))
            if record is not None:
                record.close()
        except BaseException as error:  # noqa: BLE001  told, and counted as a fault of the record
            os.write(writer, f"bug {error!r}\n".encode())
            return BROKEN
        return 0

    def faults(self, acknowledged: Sequence[int], *, whole: bool = False) -> list[str]:
        """The errors of the record, given the acknowledged requests."""
        if not (self.root / DATABASE).exists():
            return ["there is no record"] if acknowledged else []
        record = Record(self.root)
        try:
            return list(_faults(record, acknowledged, whole=whole))
        except SpecKittyError as error:
            return [f"{type(error).__name__}: {error}"]
        finally:
            record.close()


def ask(record: Record, number: int) -> None:
    """Answer the request, unless it was answered before."""
    record.keep_mission(KnownMission(mission_id="one", folder="001-one"))
    if record.find(f"r{number}") is None:
        # A commit whose outcome was unknown may have happened.
        with suppress(AlreadyAsked):
            record.commit(drafts(number))


def _faults(record: Record, acknowledged: Sequence[int], *, whole: bool) -> Iterator[str]:
    yield from record.faults()
    found = [n for n in range(REQUESTS) if record.find(f"r{n}")]
    if found != list(range(len(found))):
        yield f"requests are missing: {found}"
    if set(acknowledged) - set(found) or (whole and len(found) < REQUESTS):
        yield f"acknowledged {acknowledged}, found {found}"
    entries = list(record.entries())
    if len(entries) != 2 * len(found) or [it.position for it in entries] != [
        *range(1, len(entries) + 1)
    ]:
        yield f"{len(found)} requests have {len(entries)} entries"
    if not found:
        return
    with record.reading() as connection:
        row = record_states.row_of(connection, 1)
        holder = row and record_states.state_of(connection, 1, row).of("WP01").claimed_by
        if told := record_states.difference(connection, 1):
            yield told
    if holder != f"a{found[-1]}":
        yield f"after request {found[-1]} the package is held by {holder}"


def strike(bench: Bench, kind: str, *, every: int, chance: random.Random) -> Iterator[str]:
    """Inject every fault of that kind: an empty line where all held, else the broken promises."""
    bench.clear()
    count = bench.run(Orders()).control.read("count")
    for at in range(1 + chance.randrange(every), count + 1, every):
        bench.clear()
        orders = Orders(**{**vars(KINDS[kind]), "at": at})
        struck = bench.run(orders)
        if not struck.control.read("hits"):
            continue
        faults = bench.faults(struck.acknowledged)
        if struck.status == BROKEN:
            faults += struck.words
        again = bench.run(Orders())
        faults += bench.faults(range(REQUESTS), whole=True)
        if again.status:
            faults.append(f"the next process ended with {again.status}: {again.words}")
        yield f"{bench.mode} {kind} at {at}: {'; '.join(faults)}" if faults else ""


def lose_power(bench: Bench, *, per_sync: int, chance: random.Random) -> Iterator[str]:
    """Every sync, and before the next one: as `strike`."""
    bench.clear()
    before = bench.folder / "before"
    shutil.rmtree(before, ignore_errors=True)
    shutil.copytree(bench.root, before)
    bench.trace.unlink(missing_ok=True)
    bench.run(Orders(), trace=bench.trace, marks=True)
    made = calls(bench.trace)
    told = [it.number for it in made if it.op == "open" and "/ack-" in it.path]
    history = History(before, bench.root, made)
    for number in range(1, history.count(per_sync=per_sync) + 1):
        at, tree = history.state(number, chance, per_sync=per_sync)
        shutil.rmtree(bench.root)
        tree.store(bench.root)
        faults = bench.faults([n for n, number in enumerate(told) if number <= at])
        again = bench.run(Orders())
        faults += bench.faults(range(REQUESTS), whole=True)
        if again.status:
            faults.append(f"the next process ended with {again.status}: {again.words}")
        yield f"{bench.mode} power-loss at {at}: {'; '.join(faults)}" if faults else ""


def main() -> int:
    """Inject the faults and report broken promises; the exit code is 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.faults.record")
    parser.add_argument("--every", type=int, default=1, help="strike one call in so many")
    parser.add_argument("--per-sync", type=int, default=6, help="disks for each sync")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="record-") as name:
        folder = Path(name)
        if "LD_PRELOAD" not in os.environ:
            # SQLite's library has to find the shim before libc.
            library = shim.build(folder)
            command = [sys.executable, "-m", "tests.faults.record", *sys.argv[1:]]
            environment = {**os.environ, "LD_PRELOAD": str(library)}
            return os.spawnve(os.P_WAIT, sys.executable, command, environment)
        return _strike_all(folder, options)


def _strike_all(folder: Path, options: argparse.Namespace) -> int:
    library = ctypes.CDLL(None)
    bad = 0
    print(f"SQLite {sqlite3.sqlite_version}, seed {options.seed}")
    for mode in MODES:
        record_schema.JOURNAL_MODE = mode  # type: ignore[misc]
        bench = Bench(folder, library, mode)
        for kind in [*KINDS, "power-loss"]:
            chance = random.Random(f"{options.seed} {mode} {kind}")
            struck = (
                lose_power(bench, per_sync=options.per_sync, chance=chance)
                if kind == "power-loss"
                else strike(bench, kind, every=options.every, chance=chance)
            )
            told = list(struck)
            faults = [it for it in told if it]
            bad += len(faults)
            print(f"{mode.lower():6} {kind:14} {len(told):5} points, {len(faults)} bad")
            print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
