"""What is tested, as it is named on a command line."""

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
from specify_cli.conformance.mailbox_under_test import KEPT, MARKER, Mailbox
from specify_cli.conformance.scratch_projects import Scratch
from specify_cli.conformance.verifier import Host
from specify_cli.errors import UsageError

FIRST_PROJECT = "single"
# How the words for agents follow from those of a host that is called like ours.
LIKE_OURS = (("orchestrator-api",), ("mailbox", "serve"))

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The host as its author names it."""

    host: str | None = None
    mailbox: Path | None = None
    serve: str | None = None
    agent: str | None = None
    capabilities: tuple[str, ...] = ()
    timeout_s: float = 30.0


@contextlib.contextmanager
def prepared(named: Named, folder: Path, say: Say) -> Iterator[Host]:
    """The host can be asked while the block runs; a worker that the kit has started ends with it.

    Raises:
        UsageError: it cannot be tested so; the message says what to do.
    """
    declared = capabilities.declared(named.capabilities)
    words = words_of("--host", named.host)
    scratch = Scratch(folder / "templates")
    box = _mailbox(named, scratch, say)
    host = Host(
        capabilities=declared,
        folder=folder,
        scratch=scratch,
        command_line=CommandLine(words, named.timeout_s) if words else None,
        mailbox=box,
        agent=_agent(named),
    )
    with _served(box, named) if box is not None else contextlib.nullcontext():
        yield host


def words_of(option: str, line: str | None) -> list[str]:
    """The words of a command line; none where there is none.

    Raises:
        UsageError: it is no command line, or its program is not there.
    """
    try:
        words = shlex.split(line or "")
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error
    if line is not None and (not words or shutil.which(words[0]) is None):
        raise UsageError(f"{option}: there is no program {''.join(words[:1])!r}")
    # What lies beside us must still be found from the scratch project.
    return (
        [str(Path(words[0]).absolute()) if os.sep in words[0] else words[0], *words[1:]]
        if words
        else []
    )


def _agent(named: Named) -> list[str] | None:
    if named.agent is not None:
        return words_of("--agent", named.agent)
    for option, line in (("--host", named.host), ("--serve", named.serve)):
        words = words_of(option, line)
        for end in LIKE_OURS:
            if tuple(words[-len(end) :]) == end:
                return [*words[: -len(end)], "agent"]
    return None


def _mailbox(named: Named, scratch: Scratch, say: Say) -> Mailbox | None:
    if named.serve is not None:
        return _own(named, scratch)
    return None if named.mailbox is None else _given(named, named.mailbox, scratch=scratch, say=say)


def _own(named: Named, scratch: Scratch) -> Mailbox:
    folder = scratch.folder.parent
    words = words_of("--serve", named.serve)
    root = (folder / "served").resolve()
    root.mkdir()
    (root / MARKER).touch()
    begin = partial(programs.start, words, folder=root, log=folder / "worker.log")
    box = Mailbox(kitty=root / ".kitty", timeout_s=named.timeout_s, scratch=scratch, start=begin)
    box.reset(FIRST_PROJECT)
    return box


def _given(named: Named, kitty: Path, *, scratch: Scratch, say: Say) -> Mailbox:
    root = kitty.absolute().parent
    box = Mailbox(kitty=root.resolve() / kitty.name, timeout_s=named.timeout_s)
    is_empty = not root.exists() or not any(path.name not in KEPT for path in root.iterdir())
    if is_empty and not kitty.exists():
        root.mkdir(parents=True, exist_ok=True)
        (root / MARKER).touch()
    if (root / MARKER).is_file():
        if kitty.name != ".kitty":
            raise UsageError(f"--mailbox: a scratch project has its mailbox in {root / '.kitty'}")
        box.scratch = scratch
        _make_ready(box)
        say(f"{root} is a scratch project now: start the worker there, if it does not run yet")
    elif not box.inbox.is_dir():
        raise UsageError(f"--mailbox: {kitty} has no inbox, and {root} is neither empty nor marked")
    else:
        say(f"{root} has no {MARKER}: its project is not touched, and much is not asked")
    return box


def _make_ready(box: Mailbox) -> None:
    if not (box.root / "kitty-specs").is_dir():
        box.reset(FIRST_PROJECT)
    box.inbox.mkdir(parents=True, exist_ok=True)
    box.outbox.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def _served(box: Mailbox, named: Named) -> Iterator[None]:
    try:
        box.serve()
    except (OSError, Nonconformity) as error:
        box.stop()
        raise UsageError(f"--serve: {named.serve!r} does not answer: {error}") from error
    try:
        yield
    finally:
        box.stop()
