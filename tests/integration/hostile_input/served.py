"""A real worker under hostile input: the outcome of every input, and the costs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spec_kitty_client.mailbox import Mailbox
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import heartbeat_file
from tests.dead_letters import read_records
from tests.integration.stage import SLUG, Stage, environment
from tests.patience import LONGEST_S

# The worker's maximum memory, however hostile its input.
PEAK_BOUND_KIB = 160 * 1024
DEADLINE_S = LONGEST_S
LOOK_EVERY_S = 0.01
SECRET = "a-secret-that-lies-outside"
# Between two requests of the honest orchestrator, so that the worker has time for other work.
HONEST_PAUSE_S = 0.02


class Honest:
    """An orchestrator that sends one request after the other until it is stopped."""

    def __init__(self, inbox: Path, outbox: Path) -> None:
        self.slowest_s = 0.0
        self.answered = 0
        self.complaints: list[object] = []
        self._mailbox = Mailbox(inbox, outbox)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask_on, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the answer to the last request."""
        self._ended.set()
        self._thread.join(2 * DEADLINE_S)

    def _ask_on(self) -> None:
        # At least once, however soon it is stopped.
        self._ask_once()
        while not self.complaints and not self._ended.wait(HONEST_PAUSE_S):
            self._ask_once()

    def _ask_once(self) -> None:
        since = time.monotonic()
        try:
            self._ask()
        except (OSError, TimeoutError) as error:
            self.complaints.append(error)
        self.slowest_s = max(self.slowest_s, time.monotonic() - since)

    def _ask(self) -> None:
        envelope = self._mailbox.call("mission-state", {"mission": SLUG}, timeout_s=DEADLINE_S)
        self.answered += 1
        if not envelope["success"]:
            self.complaints.append(envelope)


@dataclass(kw_only=True)
class Served:
    """The stage's mailbox, served by a worker process that must not touch `outside`."""

    stage: Stage
    outside: Path
    process: subprocess.Popen[bytes] | None = None
    honest: Honest | None = None
    inputs: int = 0
    peak_kib: int = 0
    _before: dict[str, object] = field(default_factory=dict)

    @property
    def layout(self) -> MailboxLayout:
        return MailboxLayout(self.stage.root)

    @property
    def log(self) -> Path:
        return self.stage.root.parent / "serve.log"

    # Given.

    def lay_out(self) -> None:
        """Make a mission, an empty mailbox, and secrets outside with an old access time."""
        self.stage.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
        self.layout.ensure()
        self.outside.mkdir()
        (self.outside / "secret.json").write_text(json.dumps({"note": SECRET}))
        self.seal()

    def seal(self) -> None:
        """Remember the files outside, which must be unchanged and unread at the end."""
        for path in self.outside.rglob("*"):
            # Older than the last change, so that any read updates it under every mount option.
            if path.is_file():
                os.utime(path, ns=(10**18, path.stat().st_mtime_ns))
        self._before = _look(self.outside)

    def start(self, *options: str, terminal: int | None = None) -> None:
        """Start a worker whose output goes to the log, or to a terminal."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "specify_cli", "mailbox", "serve", *options],
                cwd=self.stage.root,
                env=environment(PYTHONUTF8="1"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log if terminal is None else terminal,
            )
        process = self.process
        self.wait_until(lambda: self._is_serving(process))

    def _is_serving(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.log.read_text()
        beat = heartbeat_file.last_beat(self.layout.heartbeat) or {}
        return beat.get("pid") == process.pid and beat.get("state") == "running"

    def grant(self, config: str) -> None:
        """Write the config, and make the inbox of each orchestrator in it."""
        path = self.layout.kitty / "config.toml"
        path.write_text(config)
        path.chmod(0o600)
        for name in re.findall(r"^\[orchestrators\.(\w+)\]", config, re.MULTILINE):
            self.inbox(name).mkdir(exist_ok=True)

    def begin_honest_work(self, identity: str = "") -> None:
        """Start an honest orchestrator that sends requests until `prove`."""
        self.honest = Honest(self.inbox(identity), self.outbox(identity))
        self.honest.start()

    def inbox(self, identity: str = "") -> Path:
        return self.layout.inbox / identity

    def outbox(self, identity: str = "") -> Path:
        return self.layout.outbox / identity

    def drop(self, name: str | bytes, data: bytes, identity: str = "") -> Path:
        """Put a complete file of that name into the inbox."""
        inbox = self.inbox(identity)
        temporary = inbox / ".hostile.tmp"
        temporary.write_bytes(data)
        self.inputs += 1
        return temporary.rename(inbox / os.fsdecode(name))

    def request(self, stem: str, command: str = "mission-state", **more: Any) -> bytes:
        body = {
            "contract_version": "1.3.0",
            "correlation_id": stem,
            "command": command,
            "args": {"mission": SLUG},
        }
        return json.dumps(body | more).encode()

    # Then.

    def wait_until(self, condition: Callable[[], object], *, timeout_s: float = DEADLINE_S) -> None:
        pause, end = threading.Event(), time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"timed out:\n{self._tail()}"
            pause.wait(LOOK_EVERY_S)

    def settled(self, names: Iterable[str], identity: str = "") -> dict[str, str]:
        """Wait until each name has an outcome, a reply's code or `DEAD LETTER`, and return them."""
        wanted = list(names)
        self.wait_until(lambda: all(self.fates(name, identity) for name in wanted))
        found = {name: self.fates(name, identity) for name in wanted}
        assert all(len(fates) == 1 for fates in found.values()), found
        return {name: fates[0] for name, fates in found.items()}

    def fates(self, name: str, identity: str = "") -> list[str]:
        """All outcomes that the host recorded for a file of that name in that mailbox."""
        about = {"name": ascii(name)[1:-1], "identity": identity or "default"}
        records = read_records(self.layout.dead_letters)
        letters = [record for record in records if about.items() <= record.items()]
        is_named = name.endswith(".json")
        reply = self.code(name.removesuffix(".json"), identity) if is_named else None
        return ["DEAD LETTER"] * len(letters) + ([reply] if reply else [])

    def code(self, stem: str, identity: str = "") -> str | None:
        """`OK` or the error code of the reply, or None without a reply."""
        try:
            reply = json.loads((self.outbox(identity) / f"{stem}.json").read_bytes())
        except (OSError, ValueError):  # No file can have this name.
            return None
        return None if stem == "worker" else reply["error_code"] or "OK"

    def measure(self) -> int:
        """The worker's peak memory so far, in KiB."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        self.peak_kib = max(self.peak_kib, int(peak.split()[1]))
        return self.peak_kib

    def prove(self) -> None:
        """Check that honest work went on, the mailbox is sound, and nothing outside was touched."""
        assert self.process is not None
        if self.honest is not None:
            self.honest.stop()
            assert not self.honest.complaints, self.honest.complaints
            assert self.honest.answered > 0
        assert self.measure() < PEAK_BOUND_KIB
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0, self._tail()
        self._prove_soundness()
        self._prove_discretion()

    def _prove_soundness(self) -> None:
        verified = self.stage.run("mailbox", "verify")
        assert (verified.exit_code, verified.stdout) == (0, b""), verified
        assert list(self.layout.claimed.rglob("*.json")) == []
        ids = Counter(line["correlation_id"] for line in self.stage.journal())
        for path in self.layout.outbox.glob("*.json"):
            assert path.stem == "worker" or ids[path.stem] >= 1, path

    def _prove_discretion(self) -> None:
        log = self.log.read_text()
        assert "Traceback" not in log
        assert "faults.log" not in log
        assert log.replace("\n", "").isprintable()
        assert SECRET not in log
        assert _look(self.outside) == self._before
        for path in (*self.layout.outbox.rglob("*"), *self.layout.dead_letters.glob("*.json")):
            assert SECRET.encode() not in (path.read_bytes() if path.is_file() else b"")

    def _tail(self) -> str:
        return self.log.read_text()[-3000:]

    def end(self) -> None:
        """Kill the worker if it still runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def _look(folder: Path) -> dict[str, object]:
    """Names, contents, kinds and times of everything below; the times are read first."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        moments = (status.st_atime_ns if path.is_file() else 0, status.st_mtime_ns)
        found[str(path)] = (status.st_mode, status.st_ino, moments, content)
        if path.is_file():
            os.utime(path, ns=moments)
    return found
