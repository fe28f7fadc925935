"""The clients: the commands of the contract over a transport, and the choice of the transport."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, Unpack, cast

from spec_kitty_client.async_commands import AsyncCommands
from spec_kitty_client.command_line import CommandLine
from spec_kitty_client.commands import Commands
from spec_kitty_client.contract import TAKE_POLICY, Command
from spec_kitty_client.exchange import (
    DEFAULT_RETRY,
    Request,
    Retry,
    Transport,
    run_async,
    succeeded,
)
from spec_kitty_client.heartbeat import HEARTBEAT
from spec_kitty_client.ids import new_correlation_id
from spec_kitty_client.mailbox import Mailbox
from spec_kitty_client.options import PolicyOptions, as_json
from spec_kitty_client.policy import Policy
from spec_kitty_client.read_replies import MissionState
from spec_kitty_client.shapes import read
from spec_kitty_client.waiting import Steps, run

T = TypeVar("T")

DEFAULT_TIMEOUT_S: Final = 300.0
WAIT_S: Final = 60
"""Seconds that one request lets the host wait for a change."""
CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
MARKS_OF_A_PROJECT: Final = ("kitty-specs", ".kitty", ".git")


def connect(where: str | os.PathLike[str] | None = None) -> Mailbox | CommandLine:
    """Return the transport to the host of `where`.

    Args:
        where: `INBOX:OUTBOX`, or a folder that holds `inbox` and `outbox`, is a mailbox. The folder of a
            project is the command line, and needs `spec-kitty` on the path. Default: the mailbox that
            `SPEC_KITTY_MAILBOX` names, or else the project that `SPECIFY_REPO_ROOT` names, or else the
            project that the working directory belongs to.

    Raises:
        ValueError: The text has none of these forms.
    """
    where = where or os.environ.get("SPEC_KITTY_MAILBOX")
    if not where:
        return CommandLine(os.environ.get("SPECIFY_REPO_ROOT") or ".")
    text = os.fspath(where)
    folder = Path(text)
    if not folder.is_dir() and text.count(os.pathsep) == 1:
        return Mailbox(*text.split(os.pathsep))
    if any((folder / name).exists() for name in MARKS_OF_A_PROJECT):
        return CommandLine(folder)
    if (folder / "inbox").is_dir() and (folder / "outbox").is_dir():
        return Mailbox(folder / "inbox", folder / "outbox")
    raise ValueError(
        f"{text!r} is not the folder of a project, and does not hold inbox and outbox:"
        f" give one of these, or INBOX{os.pathsep}OUTBOX"
    )


def _checked_id(text: str) -> str:
    """Return the correlation id of a caller, which is a file name in a mailbox.

    Raises:
        ValueError: It is not a valid id.
    """
    if CORRELATION_ID.fullmatch(text) is None or text.casefold() == HEARTBEAT:
        raise ValueError(
            f"correlation_id {text!r} is not valid: use up to 128 of A-Z a-z 0-9 . _ -, no dot at the"
            f" beginning, and not {HEARTBEAT!r}"
        )
    return text


def _differs(state: MissionState, previous: MissionState) -> bool:
    """Return whether the state has changed; compare the content if the host does not report it."""
    if state.changed is None:
        return dataclasses.replace(state, position=None) != dataclasses.replace(
            previous, position=None
        )
    return state.changed


class _Connection:
    """The parts that both clients share."""

    def __init__(
        self,
        transport: Transport,
        *,
        policy: Policy | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retry: Retry = DEFAULT_RETRY,
    ) -> None:
        self.transport = transport
        self.policy = policy
        self.timeout_s = timeout_s
        self.retry = retry

    def _steps(
        self, command: Command, args: Mapping[str, object], options: Mapping[str, object]
    ) -> Steps:
        given = cast("PolicyOptions", options)
        own_id = given.get("correlation_id")
        policy = given.get("policy", self.policy) if command in TAKE_POLICY else None
        request = Request(
            command=command,
            args={name: as_json(value) for name, value in args.items() if value is not None},
            policy=None if policy is None else policy.as_json(),
            correlation_id=new_correlation_id() if own_id is None else _checked_id(own_id),
            is_id_of_caller=own_id is not None,
        )
        wait_s = args.get("wait_s")
        timeout_s = given.get("timeout_s", self.timeout_s)
        deadline = time.monotonic() + timeout_s + (wait_s if isinstance(wait_s, int) else 0)
        return succeeded(self.transport, request, deadline=deadline, retry=self.retry)


class Client(_Connection, Commands):
    """A client that waits for each reply. It has no state: threads can share it.

    Args:
        transport: `Mailbox(inbox, outbox)`, `CommandLine(project)`, or what `connect` returns.
        policy: The policy that is declared with every command that takes one.
        timeout_s: Seconds to wait for a reply, unless a call has another `timeout_s`.
        retry: When requests are sent again.

    Example:
        client = Client(connect(), policy=Policy.for_agent("claude", orchestrator_id="nightly"))
        for package in client.list_ready("034-search").ready_work_packages:
            client.start_implementation("034-search", package.wp_id, actor="nightly")
    """

    def call(
        self, command: Command, args: Mapping[str, object], **options: Unpack[PolicyOptions]
    ) -> dict[str, Any]:
        """Send a command with arguments in JSON; return the whole `data` of its reply.

        It also returns fields, and takes arguments, that this version does not know.
        """
        data: dict[str, Any] = run(self._steps(command, args, options))["data"]
        return data

    def changes(self, mission: str, *, poll_s: float = 1.0) -> Iterator[MissionState]:
        """Yield the state of the mission now and after each change, without end.

        Changes that happen at the same time, or while the caller is at work, are yielded as one. A state does
        not show what the caller's own threads or tasks did since the host answered. If that is why a request is
        refused with `TransitionRejected`, go on with the next state.

        Args:
            poll_s: Seconds between two requests to a host older than 1.5.0. A newer host waits for the change itself.

        Raises:
            NotAnsweredError: No worker serves the mailbox, or it was lost for `timeout_s` after a wait of up to
                a minute. A worker that is started again in time answers at once, and the loop continues.
        """
        state = self.mission_state(mission)
        while True:
            yield state
            previous = state
            while True:
                if previous.position is None:
                    time.sleep(poll_s)
                wait_s = None if previous.position is None else WAIT_S
                state = self.mission_state(mission, after=previous.position, wait_s=wait_s)
                if _differs(state, previous):
                    break

    def _send(
        self,
        command: Command,
        shape: type[T],
        args: Mapping[str, object],
        options: Mapping[str, object],
    ) -> T:
        return read(shape, run(self._steps(command, args, options))["data"])


class AsyncClient(_Connection, AsyncCommands):
    """A client for asyncio, with the methods of `Client`. It has no state: tasks can share it.

    Waiting does not block the event loop. Requests are written, and programs are started, in threads of
    the loop's default executor. If a call is canceled, its request stays valid: a call with the same
    `correlation_id` gets its reply.

    Example:
        client = AsyncClient(connect("/inbox:/outbox"), policy=policy)
        states = await asyncio.gather(client.mission_state("1"), client.mission_state("2"))
    """

    async def call(
        self, command: Command, args: Mapping[str, object], **options: Unpack[PolicyOptions]
    ) -> dict[str, Any]:
        """Send a command with arguments in JSON; return the whole `data` of its reply.

        It also returns fields, and takes arguments, that this version does not know.
        """
        data: dict[str, Any] = (await run_async(self._steps(command, args, options)))["data"]
        return data

    async def changes(self, mission: str, *, poll_s: float = 1.0) -> AsyncIterator[MissionState]:
        """Yield the state of the mission now and after each change, without end; see `Client.changes`."""
        state = await self.mission_state(mission)
        while True:
            yield state
            previous = state
            while True:
                if previous.position is None:
                    await asyncio.sleep(poll_s)
                wait_s = None if previous.position is None else WAIT_S
                state = await self.mission_state(mission, after=previous.position, wait_s=wait_s)
                if _differs(state, previous):
                    break

    async def _send(
        self,
        command: Command,
        shape: type[T],
        args: Mapping[str, object],
        options: Mapping[str, object],
    ) -> T:
        return read(shape, (await run_async(self._steps(command, args, options)))["data"])
