"""The mailbox of a host under test, and the worker that serves it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from specify_cli.conformance import programs
from specify_cli.conformance.command_line import envelope_in
from specify_cli.conformance.findings import Nonconformity, demand
from specify_cli.conformance.interfaces import LONG_AGO, Answer
from specify_cli.conformance.project_files import json_lines
from specify_cli.conformance.requests import VERSION, Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects

SCRATCH_MARKER = ".conformance-scratch"
KEPT = frozenset({".kitty", SCRATCH_MARKER})
POLL_INTERVAL_S = 0.002
# The name of a mission that does not exist.
UNKNOWN_MISSION = "999-nothing"


@dataclass(slots=True, kw_only=True)
class Mailbox:
    """A mailbox under test. `kitty` holds `inbox` and `outbox`; `scratch` can reset the project."""

    kitty: Path
    timeout_s: float
    scratch: ScratchProjects | None = None
    process: programs.Process | None = None
    start: Callable[..., programs.Process] | None = None

    @property
    def root(self) -> Path:
        """The root of the project."""
        return self.kitty.parent

    @property
    def inbox(self) -> Path:
        """The inbox."""
        return self.kitty / "inbox"

    @property
    def outbox(self) -> Path:
        """The outbox."""
        return self.kitty / "outbox"

    def send(self, root: Path, request: Request) -> Answer:
        """Send the request and return the reply. `root` has to be the project of the mailbox."""
        demand(root == self.root, f"the mailbox belongs to {self.root}, not to {root}")
        self.put(request.correlation_id, request.as_file())
        return Answer(raw=self.reply(request.correlation_id))

    def put(self, stem: str, content: bytes, *, is_old: bool = True) -> Path:
        """Put the request into the inbox by rename."""
        temporary = self.inbox / f".{fresh_id()}.tmp"
        temporary.write_bytes(content)
        if is_old:
            os.utime(temporary, LONG_AGO)
        return temporary.rename(self.inbox / f"{stem}.json")

    def reply(self, stem: str) -> bytes:
        """Wait for the reply and return its bytes, read as soon as the file appears."""
        path = self.reply_path(stem)
        self.wait_until(path.exists, f"no reply to {stem}")
        return path.read_bytes()

    def reply_path(self, stem: str) -> Path:
        """Return the path of the reply to the request of that id."""
        return self.outbox / f"{stem}.json"

    def envelope(self, stem: str) -> dict[str, Any]:
        """Wait until the reply can be parsed and return its envelope."""
        self.reply(stem)
        deadline = time.monotonic() + self.timeout_s
        while True:
            try:
                return envelope_in(self.reply_path(stem).read_bytes())
            except Nonconformity:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_INTERVAL_S)

    def answer(self, content: bytes, stem: str | None = None) -> dict[str, Any]:
        """Put a request with this content, and return the envelope of the reply."""
        stem = stem or fresh_id()
        self.put(stem, content)
        return self.envelope(stem)

    def probe(self) -> None:
        """Send a harmless request and wait for its reply: then the worker has scanned the inbox."""
        stem = fresh_id()
        answer = self.answer(request_body(stem), stem)
        demand(answer["success"], f"contract-version is refused: {answer['error_code']}")

    def wait_for_queue(self, mission: str) -> None:
        """Wait until all earlier requests for the mission are answered."""
        stem = fresh_id()
        self.answer(request_body(stem, "list-ready", args={"mission": mission}), stem)

    def wait_until_taken(self, name: str) -> None:
        """Wait until the inbox has no entry of that name."""
        path = self.inbox / name
        self.wait_until(lambda: not os.path.lexists(path), f"{name!r} is still in the inbox")

    def wait_until(
        self, holds: Callable[[], object], what: str, *, timeout_s: float | None = None
    ) -> None:
        """Wait until `holds` returns a true value, while the worker runs.

        Raises:
            Nonconformity: The time is up, or the worker that the kit started has ended.
        """
        limit_s = timeout_s or self.timeout_s
        deadline = time.monotonic() + limit_s
        while not holds():
            code = self.process.poll() if self.process is not None else None
            demand(code is None, f"{what}: the worker has ended with {code}")
            demand(time.monotonic() < deadline, f"{what} within {limit_s:g} s")
            time.sleep(POLL_INTERVAL_S)

    def lines_for(self, stem: str) -> list[dict[str, Any]]:
        """Return the lines of the journal with that id."""
        return [line for line in self.journal() if line.get("correlation_id") == stem]

    def journal(self) -> list[dict[str, Any]]:
        """Return the lines of the journal."""
        return json_lines(self.outbox / "journal.jsonl")

    def heartbeat(self) -> dict[str, Any]:
        """Return the current heartbeat."""
        path = self.outbox / "worker.json"
        self.wait_until(path.exists, "no worker.json")
        report: dict[str, Any] = json.loads(path.read_bytes())
        return report

    def reset(self, name: str) -> Path:
        """Replace the project by a fresh copy of the fixture; keep the mailbox and its worker."""
        # Check each time before deleting: the folder must be a scratch project.
        is_ours = self.scratch is not None and (self.root / SCRATCH_MARKER).is_file()
        demand(is_ours, f"{self.root} is not a scratch project: it has no {SCRATCH_MARKER}")
        if self.scratch is not None:
            for path in self.root.iterdir():
                if path.name in KEPT:
                    continue
                if path.is_symlink() or not path.is_dir():
                    path.unlink(missing_ok=True)
                while path.exists():
                    # The worker may be removing files of answered requests at the same time.
                    with contextlib.suppress(FileNotFoundError):
                        shutil.rmtree(path)
            template = self.scratch.template(name)
            shutil.copytree(template, self.root, symlinks=True, dirs_exist_ok=True)
            with (self.root / ".git" / "info" / "exclude").open("a", encoding="utf-8") as file:
                file.write(f"/{SCRATCH_MARKER}\n/.kitty/\n")
        return self.root

    def serve(self, variables: Mapping[str, str] | None = None) -> None:
        """Start the worker, if the kit starts it, and wait for its first reply.

        Raises:
            Nonconformity: The worker has ended, or does not answer.
        """
        if self.start is not None:
            self.inbox.mkdir(parents=True, exist_ok=True)
            self.outbox.mkdir(parents=True, exist_ok=True)
            self.process = self.start(variables=variables)
            # Any answer counts: the request may not be granted.
            self.answer(request_body(stem := fresh_id()), stem)

    def ensure_served(self) -> None:
        """Start the worker again if a check has stopped it."""
        if self.process is None:
            self.serve()

    def stop(self) -> None:
        """Stop the worker that the kit started."""
        if self.process is not None:
            programs.end(self.process)
            self.process = None

    def kill(self) -> None:
        """Kill the worker that the kit started."""
        if self.process is not None:
            programs.kill(self.process)
            self.process = None


def request_body(stem: str, command: str = "contract-version", **more: Any) -> bytes:
    """Return a request file of that id; `more` replaces fields."""
    whole = {"contract_version": VERSION, "correlation_id": stem, "command": command, "args": {}}
    return json.dumps(whole | more).encode()
