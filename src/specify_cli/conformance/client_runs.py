"""An orchestrator is given a mailbox, and what it does with it is watched.

Behind that mailbox stands a real host with a mailbox of its own; the kit carries requests there and
replies back, and does to them what the scenario says.
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
    """The orchestrator as its author names it; `timeout_s` is for one answer of the host."""

    client: str
    serve: str | None = None
    project: Path | None = None
    timeout_s: float = 30.0


def checks() -> list[Check]:
    """Every rule."""
    return list(client_rules.RULES.checks)


def verify(
    options: ClientOptions, folder: Path, *, only: Sequence[str], progress: Callable[[Result], None]
) -> list[Result]:
    """A result for each rule; one that nothing spoke of was not seen.

    Raises:
        UsageError: there is no such program, project or rule.
    """
    chosen = [
        check
        for check in checks()
        if not only or any(fnmatch.fnmatchcase(check.name, glob) for glob in only)
    ]
    split_command("--client", options.client)
    if not chosen:
        raise UsageError(f"no rule for clients is called {' or '.join(only)}")
    needed = [name for name in SCENARIOS if any(name in check.requires for check in chosen)]
    with ThreadPoolExecutor(PARALLEL_RUNS) as pool:
        runs = dict(zip(needed, pool.map(partial(_run, options, folder), needed), strict=True))
    results = [_run_rule(check, runs) for check in chosen]
    for result in results:
        progress(result)
    return results


def _run_rule(check: Check, runs: dict[str, ClientLog]) -> Result:
    try:
        return run_check(check, runs)
    except NotSeen:
        return make_result(check, NOT_SEEN, "nothing happened that this speaks of")


def _run(options: ClientOptions, folder: Path, scenario: str) -> ClientLog:
    """What the orchestrator did in the scenario."""
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
        raise UsageError(f"nothing stands behind the client's mailbox: {error}") from error
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
        commit_all(root, "the project as it was found")
    return root


def _client_argv(options: ClientOptions, run: ClientRun, root: Path) -> list[str]:
    missions = sorted(path.name for path in (root / "kitty-specs").iterdir() if path.is_dir())
    places = {"{inbox}": str(run.inbox), "{outbox}": str(run.outbox), "{mission}": missions[0]}
    argv = split_command("--client", options.client)
    for place, value in places.items():
        argv = [word.replace(place, value) for word in argv]
    return argv


@dataclass(slots=True, kw_only=True)
class ClientRun:
    """One run of the orchestrator; `record` is what was seen."""

    home: Path
    mailbox: Mailbox
    log: ClientLog
    has_refused: bool = False
    was_away: bool = False
    slow_left: int = 2
    first_seen: dict[str, float] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        """Where the orchestrator writes."""
        return self.home / "mailbox" / "inbox"

    @property
    def outbox(self) -> Path:
        """Where it reads."""
        return self.home / "mailbox" / "outbox"

    def execute(self, argv: Sequence[str], *, limit_s: float) -> None:
        """The program has ended, or was ended; the record is complete."""
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
        """A request landed when the kernel said so, not when the kit came to it."""
        landed = [
            event for event in self.log.inbox_events if event.kind in {"renamed to", "created"}
        ]
        for request in self.log.requests:
            moments = [event.at for event in landed if event.name == f"{request.stem}.json"]
            earlier = [moment for moment in moments if moment <= request.landed_at]
            request.landed_at = max(earlier, default=request.landed_at)
        answered: set[str] = set()
        for request in self.log.requests:
            # The reply to an id that was used before was there all the time.
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
        # What the host sets aside has no reply: that is for the orchestrator to find out.
        with contextlib.suppress(Nonconformity):
            refuses = self._should_refuse(request)
            reply = self._refusal(request) if refuses else self._forward(request)
            # Taken first: a client may read the reply and send its next request before this goes on.
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

    def _should_refuse(self, request: ObservedRequest) -> bool:
        is_scene = self.log.scenario in {"refused", "reworded"}
        is_new = not (self.outbox / f"{request.stem}.json").exists()
        return is_scene and is_new and request.changes and not self.has_refused

    def _refusal(self, request: ObservedRequest) -> bytes:
        self.has_refused = request.is_refused_by_kit = True
        argv = OTHER_MESSAGE if self.log.scenario == "reworded" else MESSAGE
        envelope = {
            "contract_version": VERSION,
            "command": f"orchestrator-api.{request.command}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "correlation_id": request.stem,
            "success": False,
            "error_code": "STORAGE_FAILED",
            "data": {"message": argv, "retryable": True},
        }
        return _line(envelope)

    def _forward(self, request: ObservedRequest) -> bytes:
        """What the real host says, changed as the scenario wants it."""
        if (self.outbox / f"{request.stem}.json").exists():
            return (self.outbox / f"{request.stem}.json").read_bytes()
        demand(NAME.fullmatch(f"{request.stem}.json"), "no reply has such a name")
        self.mailbox.put(request.stem, request.raw)
        envelope = json.loads(self.mailbox.reply(request.stem))
        change = {"added": _with_added_fields, "reordered": _reverse_keys}.get(self.log.scenario)
        return _line(change(envelope) if change else envelope)

    def _copy_heartbeat(self) -> None:
        source, target = self.mailbox.outbox / "worker.json", self.outbox / "worker.json"
        data = source.read_bytes() if source.exists() else b""
        if data and (not target.exists() or target.read_bytes() != data):
            self._publish("worker.json", data)

    def _publish(self, name: str, data: bytes) -> None:
        self.log.published.add(name)
        spare = self.home / "spare"
        spare.write_bytes(data)
        os.rename(spare, self.outbox / name)  # noqa: PTH104 - the one call that is meant


def _line(envelope: Any) -> bytes:
    return json.dumps(envelope).encode() + b"\n"


def _with_added_fields(envelope: dict[str, Any]) -> dict[str, Any]:
    return envelope | {"data": _add_fields(envelope["data"])}


def _add_fields(value: Any) -> Any:
    """Every object has one more key, as a later version of the contract may add it."""
    if isinstance(value, dict):
        return {name: _add_fields(inner) for name, inner in value.items()} | {"added_later": [1]}
    return [_add_fields(inner) for inner in value] if isinstance(value, list) else value


def _reverse_keys(value: Any) -> Any:
    """Every object has its keys the other way round."""
    if isinstance(value, dict):
        return {name: _reverse_keys(value[name]) for name in reversed(value)}
    return [_reverse_keys(inner) for inner in value] if isinstance(value, list) else value
