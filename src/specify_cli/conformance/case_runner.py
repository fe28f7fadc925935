"""Runs one golden case at one interface and compares the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specify_cli.conformance.cases import Case
from specify_cli.conformance.compare import differences, envelope_of
from specify_cli.conformance.findings import demand
from specify_cli.conformance.interfaces import Answer, Interface
from specify_cli.conformance.programs import Completed, git
from specify_cli.conformance.requests import Request, fresh_id, request_of

EXIT_CODES = {"USAGE_ERROR": 2}

# Runs `spec-kitty agent` with the given arguments in a folder.
Agent = Callable[[Path, list[str]], Completed]


@dataclass(slots=True, kw_only=True)
class CaseRunner:
    """Runs a case on a project of its own.

    `broken` is the same interface of a host whose handlers fail, if there is one.
    """

    root: Path
    interface: Interface
    agent: Agent
    broken: Interface | None = None
    rename: Callable[[Request], Request] = field(default=lambda request: request)
    earlier: dict[str, tuple[Request, bytes]] = field(default_factory=dict)

    @property
    def mission(self) -> str:
        """The only mission of the project."""
        [folder] = (self.root / "kitty-specs").iterdir()
        return folder.name

    def prepare(self, steps: list[dict[str, Any]]) -> None:
        """Carry out the steps in order.

        Raises:
            Nonconformity: A step that has to succeed failed.
        """
        for step in steps:
            [(kind, content)] = step.items()
            STEPS[kind](self, content)

    def answer(self, case: Case) -> dict[str, Any]:
        """Send the request of the case, and return the envelope if it is the expected one.

        Raises:
            Nonconformity: The answer, the status lanes or the event logs are not as expected.
        """
        request = self.rename(request_of(case.request))
        logs = self.logs()
        answer = self.interface.send(self.root, request)
        envelope = envelope_of(answer.raw)
        expected = f"orchestrator-api.{case.command or 'unknown'}"
        demand(envelope["command"] == expected, f"command is {envelope['command']!r}")
        found = {name: envelope[name] for name in ("success", "error_code", "data")}
        wrong = list(differences(case.expect, found, "envelope"))
        demand(not wrong, "; ".join(wrong))
        if case.lanes:
            lanes = self.lanes(self.mission)
            found = {wp_id: lanes.get(wp_id) for wp_id in case.lanes}
            demand(found == case.lanes, f"lanes are {found}, expected {case.lanes}")
        _check_identity(request, envelope, answer)
        if not envelope["success"] or request.correlation_id in self.earlier:
            demand(self.logs() == logs, "an event log has changed")
        if request.correlation_id in self.earlier:
            before, raw = self.earlier[request.correlation_id]
            is_same = raw == answer.raw
            demand(
                (before == request) == is_same,
                f"the id was used before; same request: {before == request}, same answer: {is_same}",
            )
        return envelope

    def logs(self) -> dict[Path, bytes]:
        """Return the event log of every mission."""
        found = (self.root / "kitty-specs").glob("*/status.events.jsonl")
        return {path: path.read_bytes() for path in found}

    def lanes(self, mission: str) -> dict[str, str]:
        """Return the status lane of each package, from `mission-state`."""
        data = self.request("mission-state", mission=mission)
        return {package["wp_id"]: package["lane"] for package in data["work_packages"]}

    def request(self, command: str, **args: Any) -> dict[str, Any]:
        """Send a request that has to succeed, and return its `data`."""
        request = Request(command=command, args=args, correlation_id=fresh_id())
        envelope = envelope_of(self.interface.send(self.root, request).raw)
        demand(envelope["success"], f"{command} is refused: {envelope}")
        data: dict[str, Any] = envelope["data"]
        return data

    # Steps.

    def _request(self, content: dict[str, Any]) -> None:
        request = self.rename(request_of(content))
        answer = self.interface.send(self.root, request)
        envelope = envelope_of(answer.raw)
        is_as_said = envelope["success"] or not content["expect_success"]
        demand(is_as_said, f"a preparing step is refused: {envelope}")
        self.earlier[request.correlation_id] = (request, answer.raw)

    def _commit_in_workspace(self, content: dict[str, Any]) -> None:
        workspace = self.request("resolve-workspace", mission=self.mission, wp=content["wp"])
        _commit(Path(workspace["workspace_path"]), content)

    def _mark_subtasks(self, content: dict[str, Any]) -> None:
        workspace = self.request("resolve-workspace", mission=self.mission, wp=content["wp"])
        argv = ["tasks", "mark-status", *content["ids"], "--status", content["status"]]
        folder = Path(workspace["workspace_path"]) if workspace["workspace_exists"] else self.root
        done = self.agent(folder, [*argv, "--mission", self.mission, "--json"])
        said = done.stdout + done.stderr
        demand(done.returncode == 0, f"mark-status ended with {done.returncode}: {said!r}")
        demand(json.loads(done.stdout)["success"], f"mark-status did not succeed: {said!r}")

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
        demand(content == "handler_raises", f"unknown fault: {content}")
        demand(self.broken is not None, "this host has no handlers that can be made to fail")
        self.interface = self.broken or self.interface


STEPS: dict[str, Callable[[CaseRunner, Any], None]] = {
    "request": CaseRunner._request,  # noqa: SLF001 - methods of this module
    "commit_in_workspace": CaseRunner._commit_in_workspace,  # noqa: SLF001
    "mark_subtasks": CaseRunner._mark_subtasks,  # noqa: SLF001
    "write": CaseRunner._write,  # noqa: SLF001
    "append": CaseRunner._append,  # noqa: SLF001
    "remove": CaseRunner._remove,  # noqa: SLF001
    "folder": CaseRunner._folder,  # noqa: SLF001
    "commit": CaseRunner._commit,  # noqa: SLF001
    "fault": CaseRunner._fault,  # noqa: SLF001
}


def _check_identity(request: Request, envelope: dict[str, Any], answer: Answer) -> None:
    came_back = envelope["correlation_id"] == request.correlation_id
    if answer.exit_code is None:
        demand(came_back, f"correlation_id is {envelope['correlation_id']!r}")
        return
    refused = EXIT_CODES.get(envelope["error_code"], 1)
    right = 0 if envelope["success"] else refused
    demand(answer.exit_code == right, f"exit code {answer.exit_code}, expected {right}")
    if "--correlation-id" in request.as_argv():
        demand(came_back, f"correlation_id is {envelope['correlation_id']!r}")


def _commit(folder: Path, content: dict[str, Any]) -> None:
    _write_text(folder / content["path"], content["text"])
    git(folder, "add", "--", content["path"])
    git(folder, "commit", "--quiet", "--message", "work", "--", content["path"])


def _write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
