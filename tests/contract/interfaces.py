"""The two interfaces, in this process and as processes of their own."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from specify_cli import bootstrap
from specify_cli.cli import orchestrator_api as command_line
from specify_cli.cli import plain_call
from specify_cli.cli.main import root as people
from specify_cli.conformance.interfaces import Answer, Interface, put_request, reply_path
from specify_cli.conformance.requests import VERSION, Request
from specify_cli.mailbox.settings import Orchestrator, WorkerSettings
from specify_cli.mailbox.worker import Worker
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.command import Command
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from tests.patience import LONGEST_S

Find = Callable[[str], Command]


@dataclass(slots=True)
class CommandLine:
    """The command line, called in this process as the program calls it."""

    find: Find = field(default=registry.find)

    def send(self, root: Path, ask: Request) -> Answer:
        """What it printed, and its exit code."""
        return self.say(root, ask.as_argv())

    def say(self, folder: Path, words: list[str]) -> Answer:
        """The answer to `orchestrator-api` with the words, called in the folder."""
        printed = io.BytesIO()
        stdout = io.TextIOWrapper(printed, write_through=True)
        with contextlib.chdir(folder), contextlib.redirect_stdout(stdout):
            host = partial(dispatcher_at, find=self.find)
            code = plain_call.run(words, dispatcher_at=host)
            if code is None:
                code = command_line.run(words, dispatcher_at=host)
        return Answer(raw=printed.getvalue(), exit_code=code)


@dataclass(slots=True)
class Mailbox:
    """The mailbox: a real file, and a real worker in this process."""

    find: Find = field(default=registry.find)

    def send(self, root: Path, ask: Request) -> Answer:
        """The reply file's content."""
        put_request(root, ask)
        self.drain(root)
        return Answer(raw=reply_path(root, ask.correlation_id).read_bytes())

    def drain(self, root: Path) -> None:
        """Answer all waiting requests."""
        settings = WorkerSettings(
            contract_version=VERSION,
            orchestrators=(
                Orchestrator(identity="default", commands=tuple(registry.CONTRACT_COMMANDS)),
            ),
        )
        layout = bootstrap.mailbox_layout(root)
        host = dispatcher_at(root, find=self.find)
        Worker(layout, host, settings=settings, log=lambda _: None).drain()


@dataclass(slots=True)
class CommandLineProcess:
    """The command line as people and programs start it."""

    def send(self, root: Path, ask: Request) -> Answer:
        """What it printed, and its exit code."""
        done = run_program(root, "orchestrator-api", *ask.as_argv())
        return Answer(raw=done.stdout, exit_code=done.returncode)


@dataclass(slots=True)
class MailboxProcess:
    """The mailbox, served once by a process of its own."""

    def send(self, root: Path, ask: Request) -> Answer:
        """The reply file's content."""
        put_request(root, ask)
        run_program(root, "mailbox", "serve", "--once").check_returncode()
        return Answer(raw=reply_path(root, ask.correlation_id).read_bytes())


def run_program(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run `spec-kitty` with the words in the folder."""
    return subprocess.run(
        [sys.executable, "-m", "specify_cli", *words],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=LONGEST_S,
    )


def run_agent(folder: Path, words: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Call `spec-kitty agent` with the words in the folder, in this process."""
    with contextlib.chdir(folder):
        said = CliRunner().invoke(people, ["agent", *words], catch_exceptions=False)
    return subprocess.CompletedProcess(words, said.exit_code, said.stdout_bytes, said.stderr_bytes)


def run_agent_process(folder: Path, words: list[str]) -> subprocess.CompletedProcess[bytes]:
    """Run `spec-kitty agent` with the words in the folder."""
    return run_program(folder, "agent", *words)


def dispatcher_at(start: Path, *, find: Find) -> Dispatcher:
    """The dispatcher of the project that contains `start`, with the commands that `find` returns."""
    return Dispatcher(bootstrap.ProjectHost(start), find)


def find_broken(name: str) -> Command:
    """The command, whose handler raises if it would change state."""
    command = registry.find(name)
    return command._replace(handle=_raise) if command.changes_state else command


def _raise(*_: Any) -> Any:
    raise ZeroDivisionError


# Shows how the host answers when one of its handlers has a bug.
BROKEN: dict[str, Interface] = {"cli": CommandLine(find_broken), "mailbox": Mailbox(find_broken)}
