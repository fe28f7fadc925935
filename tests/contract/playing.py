"""One golden case carried out at one door, and judged as the contract says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.command import Command
from tests.contract.cases import Case
from tests.contract.doors import Answered, CommandLine, Door, Mailbox, run_program
from tests.contract.matching import differences, envelope_of
from tests.contract.requests import Ask, ask_of, fresh_id
from tests.contract.scratch import git

FAULTS_OF_USE = {"USAGE_ERROR": 2}


@dataclass(slots=True, kw_only=True)
class Play:
    """A case at a door, on a project of its own."""

    root: Path
    door: Door
    earlier: dict[str, tuple[Ask, bytes]] = field(default_factory=dict)

    @property
    def mission(self) -> str:
        """The project's only mission."""
        [folder] = (self.root / "kitty-specs").iterdir()
        return folder.name

    def prepare(self, steps: list[dict[str, Any]]) -> None:
        """The steps have been carried out, in order."""
        for step in steps:
            [(kind, content)] = step.items()
            STEPS[kind](self, content)

    def answer(self, case: Case) -> dict[str, Any]:
        """The envelope that the case's request is answered with; it is what the case expects."""
        ask = ask_of(case.request)
        logs = self.logs()
        answered = self.door.send(self.root, ask)
        envelope = envelope_of(answered.raw)
        self._judge(case, envelope)
        self._judge_identity(ask, envelope, answered)
        if not envelope["success"] or ask.correlation_id in self.earlier:
            assert self.logs() == logs
        self._judge_repeat(ask, answered)
        return envelope

    def logs(self) -> dict[Path, bytes]:
        """The event log of every mission."""
        found = (self.root / "kitty-specs").glob("*/status.events.jsonl")
        return {path: path.read_bytes() for path in found}

    def lanes(self, mission: str) -> dict[str, str]:
        """Package to lane, as mission-state says."""
        data = self.ask("mission-state", mission=mission)
        return {package["wp_id"]: package["lane"] for package in data["work_packages"]}

    def ask(self, command: str, **args: Any) -> dict[str, Any]:
        """The data of a request that succeeds."""
        ask = Ask(command=command, args=args, correlation_id=fresh_id())
        envelope = envelope_of(self.door.send(self.root, ask).raw)
        assert envelope["success"], envelope
        data: dict[str, Any] = envelope["data"]
        return data

    def _judge(self, case: Case, envelope: dict[str, Any]) -> None:
        expected = case.expect
        assert envelope["command"] == f"orchestrator-api.{case.command or 'unknown'}"
        found = {name: envelope[name] for name in ("success", "error_code", "data")}
        assert not list(differences(expected, found, "envelope"))
        if case.lanes:
            lanes = self.lanes(self.mission)
            assert {wp_id: lanes[wp_id] for wp_id in case.lanes} == case.lanes

    def _judge_identity(self, ask: Ask, envelope: dict[str, Any], answered: Answered) -> None:
        if answered.exit_code is None:
            assert envelope["correlation_id"] == ask.correlation_id
            return
        refused = FAULTS_OF_USE.get(envelope["error_code"], 1)
        assert answered.exit_code == (0 if envelope["success"] else refused)
        if "--correlation-id" in ask.as_words():
            assert envelope["correlation_id"] == ask.correlation_id

    def _judge_repeat(self, ask: Ask, answered: Answered) -> None:
        if ask.correlation_id in self.earlier:
            before, raw = self.earlier[ask.correlation_id]
            assert (before == ask) == (raw == answered.raw)

    # Steps.

    def _request(self, content: dict[str, Any]) -> None:
        ask = ask_of(content)
        answered = self.door.send(self.root, ask)
        envelope = envelope_of(answered.raw)
        assert envelope["success"] or not content["expect_success"], envelope
        self.earlier[ask.correlation_id] = (ask, answered.raw)

    def _commit_in_workspace(self, content: dict[str, Any]) -> None:
        place = self.ask("resolve-workspace", mission=self.mission, wp=content["wp"])
        _commit(Path(place["workspace_path"]), content)

    def _mark_subtasks(self, content: dict[str, Any]) -> None:
        place = self.ask("resolve-workspace", mission=self.mission, wp=content["wp"])
        words = ["agent", "tasks", "mark-status", *content["ids"], "--status", content["status"]]
        folder = Path(place["workspace_path"]) if place["workspace_exists"] else self.root
        done = run_program(folder, *words, "--mission", self.mission, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["success"]

    def _write(self, content: dict[str, Any]) -> None:
        _write_text(self.root / content["path"], content["text"])

    def _append(self, content: dict[str, Any]) -> None:
        with (self.root / content["path"]).open("a", encoding="utf-8") as file:
            file.write(content["text"])

    def _remove(self, content: dict[str, Any]) -> None:
        (self.root / content["path"]).unlink()

    def _folder(self, content: dict[str, Any]) -> None:
        (self.root / content["path"]).mkdir(parents=True)

    def _commit(self, content: dict[str, Any]) -> None:
        _commit(self.root, content)

    def _fault(self, content: str) -> None:
        assert content == "handler_raises"
        assert isinstance(self.door, CommandLine | Mailbox)
        self.door = type(self.door)(find=_find_broken)


STEPS: dict[str, Callable[[Play, Any], None]] = {
    "request": Play._request,
    "commit_in_workspace": Play._commit_in_workspace,
    "mark_subtasks": Play._mark_subtasks,
    "write": Play._write,
    "append": Play._append,
    "remove": Play._remove,
    "folder": Play._folder,
    "commit": Play._commit,
    "fault": Play._fault,
}


def _find_broken(name: str) -> Command:
    """The command with a handler that has a bug, where it would change something."""
    command = registry.find(name)
    return replace(command, handle=_raise) if command.changes_state else command


def _raise(*_: Any) -> Any:
    raise ZeroDivisionError


def _commit(folder: Path, content: dict[str, Any]) -> None:
    _write_text(folder / content["path"], content["text"])
    git(folder, "add", "--", content["path"])
    git(folder, "commit", "--quiet", "--message", "work", "--", content["path"])


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
