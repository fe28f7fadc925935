"""Runs an orchestrator against a mailbox of the kit and logs what it does.

The kit forwards requests to the mailbox of a real host and copies replies back. It delays, changes
or refuses them as the scenario says.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from specify_cli.conformance import client_rules, programs
from specify_cli.conformance.checks import NOT_SEEN, Check, Result, make_result, run_check
from specify_cli.conformance.client_log import ClientLog, ObservedRequest
from specify_cli.conformance.client_rules import NAME, NotSeen
from specify_cli.conformance.findings import Nonconformity, demand
from specify_cli.conformance.host_options import split_command
from specify_cli.conformance.inotify_log import watched
from specify_cli.conformance.mailbox_under_test import POLL_INTERVAL_S, Mailbox
from specify_cli.conformance.requests import VERSION
from specify_cli.conformance.scratch_projects import ScratchProjects, commit_all
from specify_cli.errors import UsageError

SCENARIOS = ("plain", "slow", "away", "added", "reordered", "refused", "reworded")
OWN_WORKER = [sys.executable, "-m", "specify_cli", "mailbox", "serve"]
PROJECT = "single"
SLOW_S, AWAY_S, PARTIAL_WRITE_GRACE_S = 3.0, 4.0, 1.0
RUN_LIMIT_FACTOR = 10
PARALLEL_RUNS = 2
MESSAGE = "the disk is busy for a moment: ask again under a new correlation id"
OTHER_MESSAGE = "Momentan nicht."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """The options of `contract verify --client`; `timeout_s` is for one answer of the host."""

    client: str
    serve: str | None = None
    project: Path | None = None
    timeout_s: float = 30.0


def checks() -> list[Check]:
    """Return all rules for orchestrators."""
    return list(client_rules.RULES.checks)


def verify(
    options: ClientOptions, folder: Path, *, only: Sequence[str], progress: Callable[[Result], None]
) -> list[Result]:
    """Run the orchestrator in each scenario that the rules need, and return a result for each rule.

    Raises:
        UsageError: A program, project or rule that the options name does not exist.
    """
    chosen = [
        check
        for check in checks()
        if not only or any(fnmatch.fnmatchcase(check.name, glob) for glob in only)
    ]
    split_command("--client", options.client)
    if not chosen:
        raise UsageError(
            f"--only: no client rule matches {' or '.join(only)}; --client CMD --list shows them"
        )
    needed = [name for name in SCENARIOS if any(name in check.requires for check in chosen)]
    with ThreadPoolExecutor(PARALLEL_RUNS) as pool:
        runs = dict(zip(needed, pool.map(partial(_run, options, folder), needed), strict=True))
    results = []
    for check in chosen:
        try:
            result = run_check(check, runs)
        except NotSeen:
            result = make_result(check, NOT_SEEN, "nothing that the rule is about happened")
        progress(result)
        results.append(result)
    return results


def _run(options: ClientOptions, folder: Path, scenario: str) -> ClientLog:
    """Run the orchestrator in the scenario and return the log."""
    home = folder / scenario
    root = _project(options, home)
    worker = split_command("--serve", options.serve) if options.serve else OWN_WORKER
    begin = partial(programs.start, worker, folder=root, log=home / "worker.log")
    mailbox = Mailbox(kitty=root / ".kitty", timeout_s=options.timeout_s, start=begin)
    try:
        mailbox.serve()
        run = ClientRun(home=home, mailbox=mailbox, log=ClientLog(scenario=scenario))
        run.execute(_client_argv(options, run, root), limit_s=RUN_LIMIT_FACTOR * options.timeout_s)
    except (OSError, Nonconformity) as error:
        raise UsageError(
            f"the host behind the client's mailbox does not answer: {error}"
        ) from error
    finally:
        mailbox.stop()
    return run.log


def _project(options: ClientOptions, home: Path) -> Path:
    home.mkdir()
    root = (home / "project").resolve()
    if options.project is None:
        return ScratchProjects(home / "templates").project(PROJECT, root)
    shutil.copytree(options.project, root, symlinks=True, ignore=shutil.ignore_patterns(".kitty"))
    if not (root / ".git").exists():
        programs.git(root, "init", "--quiet", "--initial-branch=main")
        commit_all(root, "Initial state")
    return root


def _client_argv(options: ClientOptions, run: ClientRun, root: Path) -> list[str]:
    missions = sorted(path.name for path in (root / "kitty-specs").iterdir() if path.is_dir())
    placeholders = {
        "{inbox}": str(run.inbox),
        "{outbox}": str(run.outbox),
        "{mission}": missions[0],
    }
    argv = split_command("--client", options.client)
    for placeholder, value in placeholders.items():
        argv = [argument.replace(placeholder, value) for argument in argv]
    return argv


@dataclass(slots=True, kw_only=True)
class ClientRun:
    """One run of the orchestrator."""

    home: Path
    mailbox: Mailbox
    log: ClientLog
    has_refused: bool = False
    was_away: bool = False
    slow_left: int = 2
    first_seen: dict[str, float] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        """The inbox that the orchestrator writes to."""
        return self.home / "mailbox" / "inbox"

    @property
    def outbox(self) -> Path:
        """The outbox that the orchestrator reads."""
        return self.home / "mailbox" / "outbox"

    def execute(self, argv: Sequence[str], *, limit_s: float) -> None:
        """Run the program until it ends or the limit passes, and complete the log."""
        self.inbox.mkdir(parents=True)
        self.outbox.mkdir()
        log = self.home / "client.log"
        variables = {"SPEC_KITTY_MAILBOX": str(self.inbox.parent)}
        deadline = time.monotonic() + limit_s
        with watched(self.inbox) as inbox_events, watched(self.outbox) as outbox_events:
            self._copy_heartbeat()
            process = programs.start(argv, folder=self.mailbox.root, log=log, variables=variables)
            while process.poll() is None and time.monotonic() < deadline:
                self._poll_inbox()
            self.log.ended_at = time.monotonic()
            self.log.exit_code = process.poll()
            programs.end(process)
            self._poll_inbox()
        self.log.inbox_events, self.log.outbox_events = inbox_events, outbox_events
        self._correct_times()
        self.log.output = log.read_text(encoding="utf-8", errors="replace")

    def _correct_times(self) -> None:
        """Replace the times at which the kit found requests by those that inotify reported."""
        landed = [
            event for event in self.log.inbox_events if event.kind in {"renamed to", "created"}
        ]
        for request in self.log.requests:
            moments = [event.at for event in landed if event.name == f"{request.stem}.json"]
            earlier = [moment for moment in moments if moment <= request.landed_at]
            request.landed_at = max(earlier, default=request.landed_at)
        answered: set[str] = set()
        for request in self.log.requests:
            # A reply to an id that was used before existed already.
            request.answered_at = (
                request.landed_at if request.stem in answered else request.answered_at
            )
            answered.add(request.stem)

    def _poll_inbox(self) -> None:
        self._copy_heartbeat()
        found = [path for path in self.inbox.glob("*.json") if path.name[0] != "."]
        for path in sorted(found, key=lambda path: path.stat().st_ctime_ns):
            raw = path.read_bytes()
            if not self._is_partial(path.name, raw):
                path.unlink()
                self._answer(path.stem, raw)
        time.sleep(POLL_INTERVAL_S)

    def _is_partial(self, name: str, raw: bytes) -> bool:
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            first = self.first_seen.setdefault(name, time.monotonic())
            return time.monotonic() - first < PARTIAL_WRITE_GRACE_S
        return False

    def _answer(self, stem: str, raw: bytes) -> None:
        request = ObservedRequest(stem=stem, raw=raw, landed_at=time.monotonic())
        self.log.requests.append(request)
        self._delay(request)
        # The host moves some files to its dead letters without a reply. The orchestrator has to cope.
        with contextlib.suppress(Nonconformity):
            is_new = not (self.outbox / f"{stem}.json").exists()
            refuses = self.log.scenario in {"refused", "reworded"} and not self.has_refused
            if refuses and is_new and request.changes:
                reply = self._refusal(request)
            else:
                reply = self._forward(request)
            # Before the reply is published: the client may send its next request at once.
            answered_at = time.monotonic()
            self._publish(f"{stem}.json", reply)
            request.answered_at = answered_at

    def _delay(self, request: ObservedRequest) -> None:
        if not request.changes:
            return
        if self.log.scenario == "slow" and self.slow_left:
            self.slow_left -= 1
            time.sleep(SLOW_S)
        if self.log.scenario == "away" and not self.was_away:
            self.was_away = True
            time.sleep(AWAY_S)

    def _refusal(self, request: ObservedRequest) -> bytes:
        self.has_refused = request.is_refused_by_kit = True
        message = OTHER_MESSAGE if self.log.scenario == "reworded" else MESSAGE
        envelope = {
            "contract_version": VERSION,
            "command": f"orchestrator-api.{request.command}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "correlation_id": request.stem,
            "success": False,
            "error_code": "STORAGE_FAILED",
            "data": {"message": message, "retryable": True},
        }
        return _line(envelope)

    def _forward(self, request: ObservedRequest) -> bytes:
        """Return the reply of the real host, changed as the scenario says."""
        if (self.outbox / f"{request.stem}.json").exists():
            return (self.outbox / f"{request.stem}.json").read_bytes()
        demand(NAME.fullmatch(f"{request.stem}.json"), "a reply cannot have this name")
        self.mailbox.put(request.stem, request.raw)
        envelope = json.loads(self.mailbox.reply(request.stem))
        if self.log.scenario == "added":
            envelope["data"] = _add_fields(envelope["data"])
        return _line(_reverse_keys(envelope) if self.log.scenario == "reordered" else envelope)

    def _copy_heartbeat(self) -> None:
        source, target = self.mailbox.outbox / "worker.json", self.outbox / "worker.json"
        data = source.read_bytes() if source.exists() else b""
        if data and (not target.exists() or target.read_bytes() != data):
            self._publish("worker.json", data)

    def _publish(self, name: str, data: bytes) -> None:
        self.log.published.add(name)
        temporary = self.home / "reply.tmp"
        temporary.write_bytes(data)
        os.rename(temporary, self.outbox / name)  # noqa: PTH104 - one rename(2)


def _line(envelope: Any) -> bytes:
    return json.dumps(envelope).encode() + b"\n"


def _add_fields(value: Any) -> Any:
    """Add a key to every object, as a later minor version of the contract may do."""
    if isinstance(value, dict):
        return {name: _add_fields(inner) for name, inner in value.items()} | {"added_later": [1]}
    return [_add_fields(inner) for inner in value] if isinstance(value, list) else value


def _reverse_keys(value: Any) -> Any:
    """Reverse the keys of every object."""
    if isinstance(value, dict):
        return {name: _reverse_keys(value[name]) for name in reversed(value)}
    return [_reverse_keys(inner) for inner in value] if isinstance(value, list) else value
