"""Our worker behind a proxy with one fault, which the kit has to find: `broken_worker.py FAULT`.

The worker serves a mailbox of its own; the proxy moves requests there and replies back, and
contains the fault.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import threading
import time
from pathlib import Path
from typing import Any

from specify_cli import bootstrap, ids
from specify_cli.mailbox import watch
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.settings import Orchestrator, WorkerSettings
from specify_cli.mailbox.worker import Worker
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.envelope import CONTRACT_VERSION

# How often it looks for files to move; it runs until it is killed.
GLANCE_S = 0.002
# Resolution of a file system's clock: files must differ by it to keep their order.
TICK_S = 0.008
# `OrdersByName` collects requests for as long as more arrive within this time.
QUIET_S = 0.06
REPLIES_BEFORE_A_REWRITE = 5


class Between:
    """The proxy without a fault; each fault overrides one step."""

    def __init__(self, front: Path, back: Path) -> None:
        self.front_in, self.front_out = front / "inbox", front / "outbox"
        self.back_in, self.back_out = back / "inbox", back / "outbox"
        self.published: list[Path] = []

    def carry_on(self) -> None:
        self.begin()
        while True:
            for path in self.landed():
                self.forward(path)
            for path in sorted(self.back_out.glob("*.json")):
                if path.name == "worker.json":
                    self.beat(path)
                elif not path.name.startswith("."):
                    self.bring_back(path)
            time.sleep(GLANCE_S)

    def begin(self) -> None:
        pass

    def landed(self) -> list[Path]:
        found = [path for path in self.front_in.iterdir() if self.is_taken(path.name)]
        return sorted(found, key=lambda path: (path.lstat().st_ctime_ns, path.name))

    def is_taken(self, name: str) -> bool:
        return not name.startswith(".") and not name.endswith(".tmp")

    def forward(self, path: Path) -> None:
        path.rename(self.back_in / path.name)
        time.sleep(TICK_S)

    def bring_back(self, path: Path) -> None:
        target = self.front_out / path.name
        # In this order nothing is lost if it is killed.
        self.publish(target, self.told(path.read_bytes()))
        path.unlink()
        self.published.append(target)

    def told(self, data: bytes) -> bytes:
        return data

    def publish(self, target: Path, data: bytes) -> None:
        temporary = target.with_name(f".{target.name}.tmp")
        temporary.write_bytes(data)
        temporary.rename(target)

    def beat(self, path: Path) -> None:
        data = path.read_bytes()
        target = self.front_out / path.name
        if not target.exists() or target.read_bytes() != data:
            self.publish(target, data)


class RewritesReplies(Between):
    def bring_back(self, path: Path) -> None:
        super().bring_back(path)
        if len(self.published) > REPLIES_BEFORE_A_REWRITE:
            old = self.published[-1 - REPLIES_BEFORE_A_REWRITE]
            if old.exists():
                self.publish(old, old.read_bytes().replace(b"+00:00", b"Z"))


class PublishesInPieces(Between):
    def publish(self, target: Path, data: bytes) -> None:
        with target.open("wb", buffering=0) as file:
            file.write(data[:40])
            time.sleep(0.03)  # The fault: long enough for the kit to see half of it.
            file.write(data[40:])

    def beat(self, path: Path) -> None:
        super().publish(self.front_out / path.name, path.read_bytes())


class LosesMalformed(Between):
    def forward(self, path: Path) -> None:
        if path.is_file() and path.stat().st_nlink == 1 and b"this is not" in path.read_bytes():
            path.unlink()
        else:
            super().forward(path)


class WrongCode(Between):
    def told(self, data: bytes) -> bytes:
        return data.replace(b"REQUEST_EXPIRED", b"USAGE_ERROR")


class ServesEveryVersion(Between):
    def forward(self, path: Path) -> None:
        if stat.S_ISREG(path.lstat().st_mode) and path.stat().st_nlink == 1:
            data = path.read_bytes()
            if b'"2.0.0"' in data:
                path.write_bytes(data.replace(b'"2.0.0"', b'"1.3.0"'))
        super().forward(path)


class FollowsSymlinks(Between):
    def forward(self, path: Path) -> None:
        if path.is_symlink():
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
        super().forward(path)


class ReadsHardLinks(Between):
    def forward(self, path: Path) -> None:
        if path.is_file() and path.stat().st_nlink > 1:
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
        super().forward(path)


class LeavesFifos(Between):
    def is_taken(self, name: str) -> bool:
        # A file with a temporary name may be gone by now.
        return super().is_taken(name) and not stat.S_ISFIFO((self.front_in / name).lstat().st_mode)


class TakesTemporaries(Between):
    def landed(self) -> list[Path]:
        for path in self.front_in.glob("*.json.tmp"):
            path.unlink()
        return super().landed()


class Forgetful(Between):
    """Carries out an append-history again that it has answered before."""

    def forward(self, path: Path) -> None:
        again = (self.front_out / path.name).exists() and path.is_file()
        if again and b'"append-history"' in path.read_bytes():
            stem = ids.correlation_id()
            data = path.read_bytes().replace(path.stem.encode(), stem.encode())
            path.unlink()
            path = path.with_name(f"{stem}.json")
            path.write_bytes(data)
        super().forward(path)


class AnswersConflicts(Between):
    """Replaces the first answer with the refusal of another request."""

    def forward(self, path: Path) -> None:
        reply = self.front_out / path.name
        is_other = path.is_file() and b"999-nothing" in path.read_bytes()
        super().forward(path)
        if reply.exists() and is_other:
            self.publish(reply, reply.read_bytes().replace(b"true", b"false"))


class OrdersByName(Between):
    def landed(self) -> list[Path]:
        seen: list[Path] = []
        while (found := super().landed()) != seen:
            seen = found
            time.sleep(QUIET_S)
        return sorted(seen)


class BreaksChain(Between):
    def bring_back(self, path: Path) -> None:
        journal = self.front_out / "journal.jsonl"
        if not self.published:
            with journal.open("r+b") as file:
                first = file.readline()
                file.seek(0)
                file.write(first.replace(b'"prev":"sha256:00', b'"prev":"sha256:11'))
        super().bring_back(path)


class NoHeartbeat(Between):
    def beat(self, path: Path) -> None:
        pass


class StandsStill(Between):
    def beat(self, path: Path) -> None:
        if not (self.front_out / path.name).exists():
            super().beat(path)


class MisshapenHeartbeat(Between):
    def beat(self, path: Path) -> None:
        told: dict[str, Any] = json.loads(path.read_bytes())
        del told["depth"]
        self.publish(self.front_out / path.name, json.dumps(told).encode())


class LosesWhatWaits(Between):
    """Deletes the requests that arrived while no worker ran."""

    def begin(self) -> None:
        for path in super().landed():
            if b'"append-history"' in path.read_bytes():
                path.unlink()


def serve(fault: str) -> None:
    root = Path.cwd()
    front = MailboxLayout(root)
    back = MailboxLayout(root.parent / "behind")
    back.root.mkdir(exist_ok=True)
    front.ensure()
    back.ensure()
    settings = WorkerSettings(
        contract_version=CONTRACT_VERSION,
        orchestrators=(
            Orchestrator(identity="default", commands=tuple(registry.CONTRACT_COMMANDS)),
        ),
    )
    between = globals()[fault](front.kitty, back.kitty)
    threading.Thread(target=die_with(between.carry_on), daemon=True).start()
    worker = Worker(back, bootstrap.dispatcher(root), settings=settings, log=print)
    worker.stop_on_signals()
    worker.serve(watch.watching)


def die_with(work: Any) -> Any:
    """End the process if the proxy itself fails, so that it does not pass for a found fault."""

    def run() -> None:
        try:
            work()
        finally:
            os._exit(70)

    return run


if __name__ == "__main__":
    serve(sys.argv[1])
