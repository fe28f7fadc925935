"""What a worker costs: a round trip, a full inbox, a long history, and waiting."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spec_kitty_client.mailbox import Mailbox
from tests.benchmarks import peers
from tests.benchmarks.large_mission import write_mission
from tests.benchmarks.report import Found, Setting
from tests.benchmarks.timing import project_at, spec_kitty

WAITING = 1000
MISSIONS = 10
BATCH = 64
LINE_BYTES, REPLY_BYTES = 700, 600
NOTE = "n" * 300
LONG, SHORT = 20_000, 20
FEW, MANY = 10, 200
IDLE_S = 10.0
# After this time, the claim of the request is removed, and its line is indexed.
AFTER_REQUEST_S = 12.0
_LIBC = ctypes.CDLL(None, use_errno=True)
_SCHEDULER_CLOCK = 2


def round_trip(setting: Setting) -> Found:
    """Milliseconds of an `append-history`, one after the other, alternating with the floor."""
    root = _project(setting.folder / "round-trip", missions=1)
    mailbox = mailbox_of(root)
    ours, floor = [], []
    with serving(root):
        for _ in range(20 * setting.rounds):
            _settle(root)
            ours.append(_timed_ms(lambda: _check(mailbox.call("append-history", _note(1)))))
            _settle(root)
            floor.append(floor_s(setting.folder, 1, batch=1) * 1000)
    return Found(ours=ours, floor=floor, unit="ms")


def drain(setting: Setting) -> Found:
    """Requests a second of a worker that finds its inbox full; its start is not counted."""
    ours, floor = [], []
    for number in range(setting.rounds):
        root = _project(setting.folder / f"drain-{number}", missions=MISSIONS)
        mailbox = mailbox_of(root)
        _serve_once(root)
        start_s = _timed_ms(lambda: _serve_once(root)) / 1000  # noqa: B023  called at once
        asked = [
            mailbox.submit("append-history", _note(1 + it % MISSIONS)) for it in range(WAITING)
        ]
        _settle(root)
        took_s = _timed_ms(lambda: _serve_once(root)) / 1000 - start_s  # noqa: B023
        for correlation_id in asked:
            _check(mailbox.wait(correlation_id))
        ours.append(WAITING / took_s)
        floor.append(WAITING / floor_s(setting.folder, WAITING, batch=BATCH))
    return Found(
        ours=ours,
        floor=floor,
        unit="requests/s",
        peers=peers.rates(setting.folder, messages=WAITING, size=LINE_BYTES),
        remark=peers.REMARK,
    )


def long_history(command: str, setting: Setting) -> Found:
    """Milliseconds of CPU a request that a worker takes with a long history; the floor is a short one."""
    ours = [_cpu_ms(setting.folder / f"long-{n}", LONG, command) for n in range(setting.rounds)]
    floor = [_cpu_ms(setting.folder / f"short-{n}", SHORT, command) for n in range(setting.rounds)]
    return Found(ours=ours, floor=floor, unit="ms")


def idle(setting: Setting) -> Found:
    """Percent of a core that an idle worker takes; the floor is one percent."""
    root = _project(setting.folder / "idle", missions=MISSIONS)
    with serving(root) as process:
        time.sleep(AFTER_REQUEST_S)
        before = _cpu_s(process.pid)
        time.sleep(IDLE_S)  # Only the time of the worker during this pause is measured.
        used = _cpu_s(process.pid) - before
    return Found(ours=[used / IDLE_S * 100], floor=[1.0], unit="%")


def floor_s(folder: Path, count: int, *, batch: int) -> float:
    """Seconds for the least that any host has to do for `count` requests.

    A request is read, a line is appended and synced, a reply is written, synced and renamed, the
    request removed. In a batch the lines and the replies are synced once.
    """
    here = Path(tempfile.mkdtemp(dir=folder))
    for name in ("in", "out"):
        (here / name).mkdir()
    for number in range(count):
        (here / "in" / f"{number:06}").write_text(json.dumps({"note": NOTE}))
    log = os.open(here / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    _settle(here)
    started = time.perf_counter()
    names = sorted(it.name for it in (here / "in").iterdir())
    for begin in range(0, count, batch):
        _floor_batch(here, log, names[begin : begin + batch])
    took = time.perf_counter() - started
    os.close(log)
    return took


def _floor_batch(here: Path, log: int, names: Sequence[str]) -> None:
    for name in names:
        json.loads((here / "in" / name).read_bytes())
        os.write(log, b"x" * LINE_BYTES)
    os.fdatasync(log)
    for name in names:
        reply = os.open(here / "out" / f".{name}", os.O_WRONLY | os.O_CREAT)
        os.write(reply, b"y" * REPLY_BYTES)
        if len(names) == 1:
            os.fsync(reply)
        os.close(reply)
    if len(names) > 1:
        _LIBC.syncfs(log)
    for name in names:
        (here / "out" / f".{name}").rename(here / "out" / name)
        (here / "in" / name).unlink()


def _project(root: Path, *, missions: int) -> Path:
    root.mkdir()
    project_at(root)
    for number in range(1, missions + 1):
        write_mission(root, packages=3, slug=_slug(number), number=number)
    return root


def _slug(number: int) -> str:
    return f"{number:03}-mission"


def _note(mission: int) -> dict[str, Any]:
    return {"mission": _slug(mission), "wp": "WP001", "actor": "benchmark", "note": NOTE}


def _timed_ms(call: Any) -> float:
    started = time.perf_counter()
    call()
    return (time.perf_counter() - started) * 1000


def _check(envelope: dict[str, Any]) -> None:
    if not envelope["success"]:
        raise SystemExit(f"{envelope['error_code']}: {envelope['data']['message']}")


def _serve_once(root: Path) -> None:
    command = [*spec_kitty(), "mailbox", "serve", "--once"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


@contextmanager
def serving(root: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker for the project during the block."""
    command = [*spec_kitty(), "mailbox", "serve"]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL) as process:
        try:
            _check(mailbox_of(root).call("contract-version", {}))
            yield process
        finally:
            process.terminate()


def mailbox_of(root: Path) -> Mailbox:
    """The mailbox of the project, as a client sees it."""
    return Mailbox(root / ".kitty" / "inbox", root / ".kitty" / "outbox")


def _cpu_ms(root: Path, events: int, command: str) -> float:
    _project(root, missions=1)
    log = root / "kitty-specs" / _slug(1) / "status.events.jsonl"
    _lengthen(log, events)
    mailbox = mailbox_of(root)
    args = _note(1) if command == "append-history" else {"mission": _slug(1)}
    calls = FEW if events == LONG else MANY
    with serving(root) as process:
        _check(mailbox.call(command, args))
        before = _cpu_s(process.pid)
        for _ in range(calls):
            _check(mailbox.call(command, args))
        return (_cpu_s(process.pid) - before) / calls * 1000


def _lengthen(log: Path, events: int) -> None:
    """Append notes of another program to the log."""
    with log.open("a") as file:
        for number in range(events):
            note = {
                "event_id": f"01J{number:023}",
                "at": "2030-01-02T00:00:00+00:00",
                "actor": "another",
                "wp_id": "WP001",
                "kind": "annotation",
                "delta": {"note": NOTE[:200]},
            }
            file.write(json.dumps(note, separators=(",", ":")) + "\n")


def _cpu_s(process: int) -> float:
    """User and system time of the process, read from its CPU-time clock. Source: clock_getres(2), CPU-time clocks."""
    return time.clock_gettime((~process << 3) | _SCHEDULER_CLOCK)


def _settle(folder: Path) -> None:
    """Sync the disk, so that no measurement pays for the writes of another."""
    descriptor = os.open(folder, os.O_RDONLY)
    _LIBC.syncfs(descriptor)
    os.close(descriptor)
