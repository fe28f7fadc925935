"""The command line through a mailbox, with a worker that serves it."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from specify_cli import bootstrap
from specify_cli.cli import orchestrator_api as command_line
from specify_cli.cli import plain_call, through_mailbox
from specify_cli.conformance.interfaces import Answer
from specify_cli.conformance.requests import VERSION, Request
from specify_cli.mailbox.settings import Orchestrator, WorkerSettings
from specify_cli.mailbox.worker import Worker
from specify_cli.orchestrator_api import registry
from tests.contract.interfaces import Find, dispatcher_at

SETTINGS = WorkerSettings(
    contract_version=VERSION,
    orchestrators=(Orchestrator(identity="default", commands=tuple(registry.CONTRACT_COMMANDS)),),
    poll_interval_s=0.005,
)


@dataclass(slots=True)
class ThroughMailbox:
    """The command line as a sandboxed program starts it: it sees a mailbox and no project."""

    find: Find = field(default=registry.find)

    def send(self, root: Path, ask: Request) -> Answer:
        """What it printed, and its exit code."""
        with self.served(root):
            return say(root, ask.as_argv())

    @contextlib.contextmanager
    def served(self, root: Path) -> Iterator[None]:
        """Run a worker for the project during the block."""
        layout = bootstrap.mailbox_layout(root)
        layout.ensure()
        host = dispatcher_at(root, find=self.find)
        worker = Worker(layout, host, settings=SETTINGS, log=lambda _: None)
        thread = threading.Thread(target=worker.serve)
        thread.start()
        try:
            yield
        finally:
            worker.stop()
            thread.join()


def say(root: Path, words: list[str], *, by_variable: bool = False) -> Answer:
    """The answer to `orchestrator-api` with the words, through the mailbox of the project."""
    mailbox = str(root / ".kitty")
    flag = [] if by_variable else ["--mailbox", mailbox]
    printed = io.BytesIO()
    stdout = io.TextIOWrapper(printed, write_through=True)
    with contextlib.redirect_stdout(stdout), _variable(mailbox if by_variable else ""):
        said = [*words[:1], *flag, *words[1:]]
        code = plain_call.run(said)
        if code is None:
            code = command_line.run(said)
    return Answer(raw=printed.getvalue(), exit_code=code)


@contextlib.contextmanager
def _variable(value: str) -> Iterator[None]:
    before = os.environ.get(through_mailbox.MAILBOX_VARIABLE)
    os.environ[through_mailbox.MAILBOX_VARIABLE] = value
    try:
        yield
    finally:
        os.environ.pop(through_mailbox.MAILBOX_VARIABLE)
        if before is not None:
            os.environ[through_mailbox.MAILBOX_VARIABLE] = before
