"""The host under test, built from the options of `contract verify`."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from specify_cli.conformance import capabilities, programs
from specify_cli.conformance.command_line import CommandLine
from specify_cli.conformance.findings import Nonconformity
from specify_cli.conformance.mailbox_under_test import KEPT, SCRATCH_MARKER, Mailbox
from specify_cli.conformance.scratch_projects import ScratchProjects
from specify_cli.conformance.verifier import Host
from specify_cli.errors import UsageError

FIRST_PROJECT = "single"
# Ends of spec-kitty's own command lines. The agent command line follows from them.
OWN_COMMANDS = (("orchestrator-api",), ("mailbox", "serve"))

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostOptions:
    """The options of `contract verify` that name a host."""

    host: str | None = None
    mailbox: Path | None = None
    serve: str | None = None
    agent: str | None = None
    capabilities: tuple[str, ...] = ()
    timeout_s: float = 30.0


@contextlib.contextmanager
def prepared(options: HostOptions, folder: Path, report: Report) -> Iterator[Host]:
    """Yield the host; a worker that the kit starts runs while the block runs.

    Raises:
        UsageError: The host cannot be tested with these options.
    """
    declared = capabilities.declared(options.capabilities)
    argv = split_command("--host", options.host)
    scratch = ScratchProjects(folder / "templates")
    mailbox = _mailbox(options, scratch, report)
    host = Host(
        capabilities=declared,
        folder=folder,
        scratch=scratch,
        command_line=CommandLine(argv, options.timeout_s) if argv else None,
        mailbox=mailbox,
        agent=_agent(options),
    )
    with _served(mailbox, options) if mailbox is not None else contextlib.nullcontext():
        yield host


def split_command(option: str, line: str | None) -> list[str]:
    """Split a command line into arguments; empty for None.

    Raises:
        UsageError: The text is not a command line, or its program does not exist.
    """
    try:
        argv = shlex.split(line or "")
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if line is not None and (not argv or shutil.which(argv[0]) is None):
        raise UsageError(f"{option}: program not found: {''.join(argv[:1])!r}")
    # A relative path must still work in the scratch project, which is the working directory.
    return (
        [str(Path(argv[0]).absolute()) if os.sep in argv[0] else argv[0], *argv[1:]] if argv else []
    )


def _agent(options: HostOptions) -> list[str] | None:
    if options.agent is not None:
        return split_command("--agent", options.agent)
    for option, line in (("--host", options.host), ("--serve", options.serve)):
        argv = split_command(option, line)
        for end in OWN_COMMANDS:
            if tuple(argv[-len(end) :]) == end:
                return [*argv[: -len(end)], "agent"]
    return None


def _mailbox(options: HostOptions, scratch: ScratchProjects, report: Report) -> Mailbox | None:
    if options.serve is not None:
        folder = scratch.folder.parent
        argv = split_command("--serve", options.serve)
        root = (folder / "served").resolve()
        root.mkdir()
        (root / SCRATCH_MARKER).touch()
        begin = partial(programs.start, argv, folder=root, log=folder / "worker.log")
        mailbox = Mailbox(
            kitty=root / ".kitty", timeout_s=options.timeout_s, scratch=scratch, start=begin
        )
        mailbox.reset(FIRST_PROJECT)
        return mailbox
    return (
        None
        if options.mailbox is None
        else _external_mailbox(options, options.mailbox, scratch=scratch, report=report)
    )


def _external_mailbox(
    options: HostOptions, kitty: Path, *, scratch: ScratchProjects, report: Report
) -> Mailbox:
    root = kitty.absolute().parent
    mailbox = Mailbox(kitty=root.resolve() / kitty.name, timeout_s=options.timeout_s)
    is_empty = not root.exists() or not any(path.name not in KEPT for path in root.iterdir())
    if is_empty and not kitty.exists():
        root.mkdir(parents=True, exist_ok=True)
        (root / SCRATCH_MARKER).touch()
    if (root / SCRATCH_MARKER).is_file():
        if kitty.name != ".kitty":
            raise UsageError(
                f"--mailbox: the mailbox of a scratch project must be {root / '.kitty'}"
            )
        mailbox.scratch = scratch
        if not (root / "kitty-specs").is_dir():
            mailbox.reset(FIRST_PROJECT)
        mailbox.inbox.mkdir(parents=True, exist_ok=True)
        mailbox.outbox.mkdir(parents=True, exist_ok=True)
        report(f"{root} is a scratch project now: start the worker there, unless it runs already")
    elif not mailbox.inbox.is_dir():
        raise UsageError(
            f"--mailbox: {kitty} has no inbox, and {root} is neither empty nor marked with {SCRATCH_MARKER}"
        )
    else:
        report(
            f"{root} has no {SCRATCH_MARKER}: its project is left unchanged, and checks that need a scratch project are not asked"
        )
    return mailbox


@contextlib.contextmanager
def _served(mailbox: Mailbox, options: HostOptions) -> Iterator[None]:
    try:
        mailbox.serve()
    except (OSError, Nonconformity) as error:
        mailbox.stop()
        raise UsageError(f"--serve: {options.serve!r} does not answer: {error}") from error
    try:
        yield
    finally:
        mailbox.stop()
