"""A host's mailbox under test: requests go in, replies come out, somebody else's worker runs."""

from __future__ import annotations

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
# A mission that no project has.
UNKNOWN_MISSION = "999-nothing"


@dataclass(slots=True, kw_only=True)
class Mailbox:
    """The folder with `inbox` and `outbox`; `scratch` makes its project new, where it may."""

    kitty: Path
    timeout_s: float
    scratch: ScratchProjects | None = None
    process: programs.Process | None = None
    start: Callable[..., programs.Process] | None = None

    @property
    def root(self) -> Path:
        """The project."""
        return self.kitty.parent

    @property
    def inbox(self) -> Path:
        """Where requests go."""
        return self.kitty / "inbox"

    @property
    def outbox(self) -> Path:
        """Where replies come from."""
        return self.kitty / "outbox"

    # Asking.

    def send(self, root: Path, request: Request) -> Answer:
        """The reply file's content; the project is always ours."""
        demand(root == self.root, "another project")
        self.put(request.correlation_id, request.as_file())
        return Answer(raw=self.reply(request.correlation_id))

    def put(self, stem: str, content: bytes, *, is_old: bool = True) -> Path:
        """The request landed whole, by rename."""
        temporary = self.inbox / f".{fresh_id()}.tmp"
        temporary.write_bytes(content)
        if is_old:
            os.utime(temporary, LONG_AGO)
        return temporary.rename(self.inbox / f"{stem}.json")

    def reply(self, stem: str) -> bytes:
        """The bytes of the reply, as they first are there to be seen."""
        path = self.reply_path(stem)
        self.wait_until(path.exists, f"no reply to {stem}")
        return path.read_bytes()

    def reply_path(self, stem: str) -> Path:
        """Where the reply to the request of that id lies."""
        return self.outbox / f"{stem}.json"

    def envelope(self, stem: str) -> dict[str, Any]:
        """The object in the reply, once it can be read."""
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
        """What the content is answered with under a fresh id, or that stem."""
        stem = stem or fresh_id()
        self.put(stem, content)
        return self.envelope(stem)

    def probe(self) -> None:
        """A harmless request was answered: the worker has looked into the inbox since."""
        stem = fresh_id()
        answer = self.answer(request_body(stem), stem)
        demand(answer["success"], f"contract-version is refused: {answer['error_code']}")

    def wait_for_queue(self, mission: str) -> None:
        """What landed for the mission is dealt with: in order, while others have their own."""
        stem = fresh_id()
        self.answer(request_body(stem, "list-ready", args={"mission": mission}), stem)

    def wait_until_taken(self, name: str) -> None:
        """Nothing of that name is left in the inbox."""
        path = self.inbox / name
        self.wait_until(lambda: not os.path.lexists(path), f"{name!r} is still in the inbox")

    def wait_until(
        self, holds: Callable[[], object], what: str, *, timeout_s: float | None = None
    ) -> None:
        """It holds, by the doing of a worker that runs.

        Raises:
            Nonconformity: not in time, or not before the kit's own worker has ended by itself.
        """
        limit_s = timeout_s or self.timeout_s
        deadline = time.monotonic() + limit_s
        while not holds():
            code = self.process.poll() if self.process is not None else None
            demand(code is None, f"{what}: the worker has ended with {code}")
            demand(time.monotonic() < deadline, f"{what} within {limit_s:g} s")
            time.sleep(POLL_INTERVAL_S)

    def lines_for(self, stem: str) -> list[dict[str, Any]]:
        """The journal's lines with that id."""
        return [line for line in self.journal() if line.get("correlation_id") == stem]

    def journal(self) -> list[dict[str, Any]]:
        """The journal's lines."""
        return json_lines(self.outbox / "journal.jsonl")

    def heartbeat(self) -> dict[str, Any]:
        """The heartbeat as it is now."""
        path = self.outbox / "worker.json"
        self.wait_until(path.exists, "no worker.json")
        report: dict[str, Any] = json.loads(path.read_bytes())
        return report

    # The project behind it.

    def reset(self, name: str) -> Path:
        """The project is a fresh copy of the fixture; the mailbox and its worker stay as they are."""
        # Asked anew each time: what is about to be emptied must be nobody's work.
        is_ours = self.scratch is not None and (self.root / SCRATCH_MARKER).is_file()
        demand(is_ours, f"{self.root} is not the kit's own: it has no {SCRATCH_MARKER}")
        if self.scratch is not None:
            self._clean()
            template = self.scratch.template(name)
            shutil.copytree(template, self.root, symlinks=True, dirs_exist_ok=True)
            with (self.root / ".git" / "info" / "exclude").open("a", encoding="utf-8") as file:
                file.write(f"/{SCRATCH_MARKER}\n/.kitty/\n")
        return self.root

    def _clean(self) -> None:
        for path in self.root.iterdir():
            if path.name in KEPT:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def serve(self, variables: Mapping[str, str] | None = None) -> None:
        """The kit's own worker runs, and has answered.

        Raises:
            Nonconformity: it has ended, or does not answer.
        """
        if self.start is not None:
            self.inbox.mkdir(parents=True, exist_ok=True)
            self.outbox.mkdir(parents=True, exist_ok=True)
            self.process = self.start(variables=variables)
            # Whatever the answer is: not everybody is granted everything.
            self.answer(request_body(stem := fresh_id()), stem)

    def ensure_served(self) -> None:
        """The kit's own worker runs, whatever a check did with it."""
        if self.process is None:
            self.serve()

    def stop(self) -> None:
        """The kit's own worker has ended."""
        if self.process is not None:
            programs.end(self.process)
            self.process = None

    def kill(self) -> None:
        """The kit's own worker was killed."""
        if self.process is not None:
            programs.kill(self.process)
            self.process = None


def request_body(stem: str, command: str = "contract-version", **more: Any) -> bytes:
    """A request under that id; `more` changes its fields."""
    whole = {"contract_version": VERSION, "correlation_id": stem, "command": command, "args": {}}
    return json.dumps(whole | more).encode()
