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
from specify_cli.conformance.checks import NOT_SEEN, Check, Result, judged, result_of
from specify_cli.conformance.client_log import Asked, Record
from specify_cli.conformance.client_rules import NAME, NotSeen
from specify_cli.conformance.findings import Nonconformity, demand
from specify_cli.conformance.host_options import words_of
from specify_cli.conformance.inotify_log import watched
from specify_cli.conformance.mailbox_under_test import GLANCE_S, Mailbox
from specify_cli.conformance.requests import VERSION
from specify_cli.conformance.scratch_projects import Scratch, commit_all
from specify_cli.errors import UsageError

SCENARIOS = ("plain", "slow", "away", "added", "reordered", "refused", "reworded")
OUR_WORKER = [sys.executable, "-m", "specify_cli", "mailbox", "serve"]
PROJECT = "single"
SLOW_S, AWAY_S, GRACE_S = 3.0, 4.0, 1.0
RUNS_FOR = 10
SIDE_BY_SIDE = 2
WORDS = "the disk is busy for a moment: ask again under a new correlation id"
OTHER_WORDS = "Momentan nicht."


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The orchestrator as its author names it; `timeout_s` is for one answer of the host."""

    client: str
    serve: str | None = None
    project: Path | None = None
    timeout_s: float = 30.0


def checks() -> list[Check]:
    """Every rule."""
    return list(client_rules.RULES.checks)


def verify(
    named: Named, folder: Path, *, only: Sequence[str], progress: Callable[[Result], None]
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
    words_of("--client", named.client)
    if not chosen:
        raise UsageError(f"no rule for clients is called {' or '.join(only)}")
    needed = [name for name in SCENARIOS if any(name in check.requires for check in chosen)]
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        runs = dict(zip(needed, pool.map(partial(_run, named, folder), needed), strict=True))
    results = [_judged(check, runs) for check in chosen]
    for result in results:
        progress(result)
    return results


def _judged(check: Check, runs: dict[str, Record]) -> Result:
    try:
        return judged(check, runs)
    except NotSeen:
        return result_of(check, NOT_SEEN, "nothing happened that this speaks of")


def _run(named: Named, folder: Path, scenario: str) -> Record:
    """What the orchestrator did in the scenario."""
    home = folder / scenario
    root = _project(named, home)
    worker = words_of("--serve", named.serve) if named.serve else OUR_WORKER
    begin = partial(programs.start, worker, folder=root, log=home / "worker.log")
    box = Mailbox(kitty=root / ".kitty", timeout_s=named.timeout_s, start=begin)
    try:
        box.serve()
        run = Run(home=home, box=box, record=Record(scenario=scenario))
        run.carry_out(_words(named, run, root), limit_s=RUNS_FOR * named.timeout_s)
    except (OSError, Nonconformity) as error:
        raise UsageError(f"nothing stands behind the client's mailbox: {error}") from error
    finally:
        box.stop()
    return run.record


def _project(named: Named, home: Path) -> Path:
    home.mkdir()
    root = (home / "project").resolve()
    if named.project is None:
        return Scratch(home / "templates").project(PROJECT, root)
    shutil.copytree(named.project, root, symlinks=True, ignore=shutil.ignore_patterns(".kitty"))
    if not (root / ".git").exists():
        programs.git(root, "init", "--quiet", "--initial-branch=main")
        commit_all(root, "the project as it was found")
    return root


def _words(named: Named, run: Run, root: Path) -> list[str]:
    missions = sorted(path.name for path in (root / "kitty-specs").iterdir() if path.is_dir())
    places = {"{inbox}": str(run.inbox), "{outbox}": str(run.outbox), "{mission}": missions[0]}
    words = words_of("--client", named.client)
    for place, value in places.items():
        words = [word.replace(place, value) for word in words]
    return words


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of the orchestrator; `record` is what was seen."""

    home: Path
    box: Mailbox
    record: Record
    has_refused: bool = False
    was_away: bool = False
    slow_left: int = 2
    young: dict[str, float] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        """Where the orchestrator writes."""
        return self.home / "mailbox" / "inbox"

    @property
    def outbox(self) -> Path:
        """Where it reads."""
        return self.home / "mailbox" / "outbox"

    def carry_out(self, words: Sequence[str], *, limit_s: float) -> None:
        """The program has ended, or was ended; the record is complete."""
        self.inbox.mkdir(parents=True)
        self.outbox.mkdir()
        log = self.home / "client.log"
        changes = {"SPEC_KITTY_MAILBOX": str(self.inbox.parent)}
        deadline = time.monotonic() + limit_s
        with watched(self.inbox) as in_inbox, watched(self.outbox) as in_outbox:
            self._beat()
            process = programs.start(words, folder=self.box.root, log=log, changes=changes)
            while process.poll() is None and time.monotonic() < deadline:
                self._round()
            self.record.ended_at = time.monotonic()
            self.record.exit_code = process.poll()
            programs.end(process)
            self._round()
        self.record.in_inbox, self.record.in_outbox = in_inbox, in_outbox
        self._correct_moments()
        self.record.said = log.read_text(encoding="utf-8", errors="replace")

    def _correct_moments(self) -> None:
        """A request landed when the kernel said so, not when the kit came to it."""
        landed = [deed for deed in self.record.in_inbox if deed.what in {"renamed to", "created"}]
        for asked in self.record.asked:
            moments = [deed.at for deed in landed if deed.name == f"{asked.stem}.json"]
            earlier = [moment for moment in moments if moment <= asked.landed_at]
            asked.landed_at = max(earlier, default=asked.landed_at)
        answered: set[str] = set()
        for asked in self.record.asked:
            # The reply to an id that was used before was there all the time.
            asked.answered_at = asked.landed_at if asked.stem in answered else asked.answered_at
            answered.add(asked.stem)

    def _round(self) -> None:
        self._beat()
        found = [path for path in self.inbox.glob("*.json") if path.name[0] != "."]
        for path in sorted(found, key=lambda path: path.stat().st_ctime_ns):
            raw = path.read_bytes()
            if not self._is_half_written(path.name, raw):
                path.unlink()
                self._answer(path.stem, raw)
        time.sleep(GLANCE_S)

    def _is_half_written(self, name: str, raw: bytes) -> bool:
        try:
            json.loads(raw)
        except (ValueError, RecursionError):
            first = self.young.setdefault(name, time.monotonic())
            return time.monotonic() - first < GRACE_S
        return False

    def _answer(self, stem: str, raw: bytes) -> None:
        asked = Asked(stem=stem, raw=raw, landed_at=time.monotonic())
        self.record.asked.append(asked)
        self._dawdle(asked)
        # What the host sets aside has no reply: that is for the orchestrator to find out.
        with contextlib.suppress(Nonconformity):
            refuses = self._is_to_be_refused(asked)
            reply = self._refusal(asked) if refuses else self._forwarded(asked)
            # Taken first: a client may read the reply and send its next request before this goes on.
            answered_at = time.monotonic()
            self._publish(f"{stem}.json", reply)
            asked.answered_at = answered_at

    def _dawdle(self, asked: Asked) -> None:
        if not asked.changes:
            return
        if self.record.scenario == "slow" and self.slow_left:
            self.slow_left -= 1
            time.sleep(SLOW_S)
        if self.record.scenario == "away" and not self.was_away:
            self.was_away = True
            time.sleep(AWAY_S)

    def _is_to_be_refused(self, asked: Asked) -> bool:
        is_scene = self.record.scenario in {"refused", "reworded"}
        is_new = not (self.outbox / f"{asked.stem}.json").exists()
        return is_scene and is_new and asked.changes and not self.has_refused

    def _refusal(self, asked: Asked) -> bytes:
        self.has_refused = asked.is_refused_by_us = True
        words = OTHER_WORDS if self.record.scenario == "reworded" else WORDS
        envelope = {
            "contract_version": VERSION,
            "command": f"orchestrator-api.{asked.command}",
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            "correlation_id": asked.stem,
            "success": False,
            "error_code": "STORAGE_FAILED",
            "data": {"message": words, "retryable": True},
        }
        return _line(envelope)

    def _forwarded(self, asked: Asked) -> bytes:
        """What the real host says, changed as the scenario wants it."""
        if (self.outbox / f"{asked.stem}.json").exists():
            return (self.outbox / f"{asked.stem}.json").read_bytes()
        demand(NAME.fullmatch(f"{asked.stem}.json"), "no reply has such a name")
        self.box.put(asked.stem, asked.raw)
        envelope = json.loads(self.box.reply(asked.stem))
        change = {"added": _with_more, "reordered": _turned_round}.get(self.record.scenario)
        return _line(change(envelope) if change else envelope)

    def _beat(self) -> None:
        source, target = self.box.outbox / "worker.json", self.outbox / "worker.json"
        data = source.read_bytes() if source.exists() else b""
        if data and (not target.exists() or target.read_bytes() != data):
            self._publish("worker.json", data)

    def _publish(self, name: str, data: bytes) -> None:
        self.record.published.add(name)
        spare = self.home / "spare"
        spare.write_bytes(data)
        os.rename(spare, self.outbox / name)  # noqa: PTH104 - the one call that is meant


def _line(envelope: Any) -> bytes:
    return json.dumps(envelope).encode() + b"\n"


def _with_more(envelope: dict[str, Any]) -> dict[str, Any]:
    return envelope | {"data": _grown(envelope["data"])}


def _grown(value: Any) -> Any:
    """Every object has one more key, as a later version of the contract may add it."""
    if isinstance(value, dict):
        return {name: _grown(inner) for name, inner in value.items()} | {"added_later": [1]}
    return [_grown(inner) for inner in value] if isinstance(value, list) else value


def _turned_round(value: Any) -> Any:
    """Every object has its keys the other way round."""
    if isinstance(value, dict):
        return {name: _turned_round(value[name]) for name in reversed(value)}
    return [_turned_round(inner) for inner in value] if isinstance(value, list) else value
