"""Difficult circumstances of a worker: file events, deliveries, readers, clients, file systems."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from specify_cli.storage.layout import Layout
from tests.faults import state
from tests.faults.hosts import Ended
from tests.faults.place import SERVE, Place
from tests.faults.shim import DUPLICATED, LATE, OVERFLOW, SILENT, Orders
from tests.integration.stage import SLUG, Stage
from tests.patience import wait_until

SERVE_ON = ("mailbox", "serve", "--poll-interval-s", "0.2")
REQUESTS = 6


class Visit:
    """One round in a project: requests are put into the inbox, a worker serves them, and the results are checked."""

    def __init__(self, place: Place, seed: int) -> None:
        self.place = place
        self.root = place.root
        self.chance = random.Random(seed)
        self.outbox = place.root / ".kitty" / "outbox"
        self.inbox = place.root / ".kitty" / "inbox"
        self.asked = [f"note-{number}" for number in range(REQUESTS)]
        self.chance.shuffle(self.asked)
        place.reset()

    def drop(self, stem: str, note: str = "") -> None:
        """Put a request that adds a note into the inbox."""
        args = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": note or stem}
        Stage(root=self.root).put(stem, "append-history", policy=None, **args)

    @contextmanager
    def worker(self, orders: Orders | None = None) -> Iterator[list[Ended]]:
        """Run a worker during the block; its exit code is in the list afterwards."""
        control = self.place.server.begin(self.root, SERVE_ON, orders=orders or Orders())
        assert control is not None
        ended: list[Ended] = []
        try:
            wait_until((self.outbox / "worker.json").exists, "the worker's first beat")
            yield ended
        finally:
            os.kill(control.read("worker"), signal.SIGTERM)
            ended.append(self.place.server.end(control))

    def answered(self) -> None:
        """Every request has its reply."""
        wait_until(lambda: set(self.asked) <= state.replies(self.root).keys(), "all replies")

    def problems(self) -> Iterator[str]:
        """Broken promises: each request has one answer and one note, and the project is valid."""
        yield from state.broken_promises(self.root, set(self.asked))
        notes = [event for event in state.event_lines(self.root) if event.get("delta")]
        for stem in self.asked:
            count = sum(event["correlation_id"] == stem for event in notes)
            if count != 1:
                yield f"{stem} was applied {count} times"
        for stem, reply in state.replies(self.root).items():
            if stem in self.asked and not reply["success"]:
                yield f"{stem} was refused: {reply}"


def _with_events(mode: int, value: int = 0) -> Callable[[Visit], Iterator[str]]:
    def round_of(visit: Visit) -> Iterator[str]:
        with visit.worker(Orders(inotify=mode, value=value)) as ended:
            for stem in visit.asked:
                visit.drop(stem)
            visit.answered()
        if not ended[0].hits:
            yield "no event of the kernel was touched"
        yield from visit.problems()

    return round_of


def _duplicates(visit: Visit) -> Iterator[str]:
    """The same request repeatedly, before and after its answer, and a different one with its name."""
    with visit.worker():
        for stem in visit.asked:
            for _ in range(visit.chance.randint(1, 3)):
                visit.drop(stem)
        visit.answered()
        before = state.replies(visit.root)
        for stem in visit.asked:
            visit.drop(stem)
        wait_until(lambda: not any(visit.inbox.glob("*.json")), "an empty inbox")
        visit.drop(visit.asked[0], note="something else")
        dead = Layout(visit.root).host / "dead-letters"
        wait_until(lambda: any(dead.glob("*.json")), "a dead letter")
    after = state.replies(visit.root)
    if before != after:
        yield "an answer was changed by a repetition"
    yield from visit.problems()


def _reordered(visit: Visit) -> Iterator[str]:
    """Requests whose names have another order than their arrival."""
    for stem in visit.asked:
        visit.drop(stem)
        wait_until(lambda: _is_a_new_tick(visit.inbox), "the next tick of the file system")
    visit.place.server.run(visit.root, SERVE)
    notes = [
        event["correlation_id"] for event in state.event_lines(visit.root) if event.get("delta")
    ]
    if notes != visit.asked:
        yield f"applied as {notes}, written as {visit.asked}"
    yield from visit.problems()


def _is_a_new_tick(folder: Path) -> bool:
    """Whether a file made now is younger than every request."""
    probe = folder / ".tick.tmp"
    probe.touch()
    now = probe.stat().st_ctime_ns
    probe.unlink()
    return all(path.stat().st_ctime_ns < now for path in folder.glob("*.json"))


def _slow_reader(visit: Visit) -> Iterator[str]:
    """A reader opens every reply as soon as it has a name, reads it byte by byte and keeps it open."""
    found: dict[str, bytes] = {}
    is_over = threading.Event()
    reader = threading.Thread(target=_read_on, args=(visit.outbox, found, is_over))
    with visit.worker():
        reader.start()
        for stem in visit.asked:
            visit.drop(stem)
        visit.answered()
        wait_until(lambda: set(visit.asked) <= found.keys(), "the slow reader")
    is_over.set()
    reader.join()
    replies = state.replies(visit.root)
    for stem in visit.asked:
        if json.loads(found[stem]) != replies[stem]:
            yield f"the reader saw another reply to {stem}"
    yield from visit.problems()


def _read_on(outbox: Path, found: dict[str, bytes], is_over: threading.Event) -> None:
    held = []
    while not is_over.is_set():
        for path in outbox.glob("*.json"):
            if path.stem not in found and path.stem != "worker":
                file = path.open("rb", buffering=0)
                held.append(file)
                found[path.stem] = b"".join(iter(lambda file=file: file.read(1), b""))  # type: ignore[misc]
    for file in held:
        file.close()


def _dying_clients(visit: Visit) -> Iterator[str]:
    """Clients die before their rename, between two renames, and while they write in place."""
    left = [".dead.tmp", "dead.tmp", ".half", ".note-x.json.tmp"]
    visit.inbox.mkdir(parents=True, exist_ok=True)
    for name in left:
        (visit.inbox / name).write_bytes(b'{"contract_version": "1.3')
    (visit.inbox / "torn.json").write_bytes(b'{"contract_version": "1.3')
    with visit.worker():
        for stem in visit.asked:
            visit.drop(stem)
        visit.answered()
        wait_until(lambda: "torn" in state.replies(visit.root), "an answer to the torn request")
    if state.replies(visit.root)["torn"]["error_code"] != "REQUEST_MALFORMED":
        yield f"the torn request was answered with {state.replies(visit.root)['torn']}"
    for name in left:
        if not (visit.inbox / name).exists():
            yield f"{name} is the client's and is gone"
        (visit.inbox / name).unlink(missing_ok=True)
    yield from visit.problems()


def _file_systems(visit: Visit) -> Iterator[str]:
    """Inbox, outbox and the host's folder are each on a separate file system."""
    places = [visit.inbox, visit.outbox, Layout(visit.root).host]
    with _mounted(places, "size=4m"):
        with visit.worker():
            for stem in visit.asked:
                visit.drop(stem)
            visit.answered()
        yield from visit.problems()


def _full_disk(visit: Visit) -> Iterator[str]:
    """The file system of the mailbox or record is nearly full: intake stops, nothing is lost, and intake continues later."""
    place = visit.chance.choice([visit.root / ".kitty", Layout(visit.root).record])
    with _mounted([place], "size=1m"):
        for stem in visit.asked:
            visit.drop(stem)
        filler = place / "filler.bin"
        _fill(filler)
        os.truncate(filler, max(0, filler.stat().st_size - 4096 * visit.chance.randint(0, 12)))
        visit.place.server.run(visit.root, SERVE)
        seen = state.replies(visit.root)
        filler.unlink()
        ended = visit.place.server.run(visit.root, SERVE)
        if ended.status:
            yield f"the worker ended with {ended.status}: {ended.err}"
        after = state.replies(visit.root)
        if {stem: after.get(stem) for stem in seen} != seen:
            yield "an answer was changed"
        refused = [stem for stem in visit.asked if not after[stem]["success"]]
        for stem in refused:
            if after[stem]["error_code"] != "STORAGE_FAILED":
                yield f"{stem}: {after[stem]}"
            visit.asked.remove(stem)
        yield from visit.problems()


def _fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            return


@contextmanager
def _mounted(places: Sequence[Path], options: str) -> Iterator[None]:
    done: list[Path] = []
    try:
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
            kept = place.with_name(f"{place.name}-kept")
            shutil.copytree(place, kept, symlinks=True)
            command = ["mount", "-t", "tmpfs", "-o", options, "faults", str(place)]
            subprocess.run(command, check=True)
            done.append(place)
            shutil.copytree(kept, place, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(kept)
        yield
    finally:
        for place in reversed(done):
            subprocess.run(["umount", "-l", str(place)], check=True)


Round = Callable[[Visit], Iterator[str]]
CIRCUMSTANCES: Mapping[str, Round] = MappingProxyType(
    {
        "events-silent": _with_events(SILENT),
        "events-overflowing": _with_events(OVERFLOW),
        "events-duplicated": _with_events(DUPLICATED),
        "events-late": _with_events(LATE, 300),
        "duplicate-delivery": _duplicates,
        "reordered-delivery": _reordered,
        "slow-reader": _slow_reader,
        "dying-clients": _dying_clients,
    }
)
# Only root may mount.
MOUNTED: Mapping[str, Round] = MappingProxyType(
    {"file-systems": _file_systems, "full-disk": _full_disk}
)
ROUNDS: Mapping[str, Round] = MappingProxyType(
    {**CIRCUMSTANCES, **(MOUNTED if os.geteuid() == 0 else {})}
)
SCENARIO, DOOR, HOW_OFTEN = "append-history", "mailbox", 12


def problems(place: Place, kind: str, seed: int) -> list[str]:
    """The promises broken in one round."""
    return list(ROUNDS[kind](Visit(place, seed)))
