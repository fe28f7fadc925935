"""The folder in which faults are injected, one after another. It is always the same, because worktrees name it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from tests.faults import state
from tests.faults.hosts import Ended, ForkServer
from tests.faults.scenarios import Scenario
from tests.faults.shim import Call, Orders, calls
from tests.faults.state import State
from tests.integration.stage import Stage

FIRST, SECOND = "request-1", "request-2"
SERVE = ("mailbox", "serve", "--once")


class Place:
    """A project that can be reset to its state before the request."""

    def __init__(self, folder: Path, server: ForkServer, scenario: Scenario, *, door: str) -> None:
        self.server = server
        self.scenario = scenario
        self.door = door
        self.root = folder / "project"
        self._template = folder / "template"
        for path in (self.root, self._template):
            shutil.rmtree(path, ignore_errors=True)
        stage = Stage(root=self.root)
        scenario.prepare(stage)
        stage.end()
        self.root.rename(self._template)

    def reset(self) -> None:
        """Reset the project to its state before the request."""
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self._template), str(self.root)], check=True)

    def drop(self, correlation_id: str) -> None:
        """Drop the request into the inbox, if it goes through the mailbox."""
        if self.door == "mailbox":
            asked, stage = self.scenario, Stage(root=self.root)
            stage.put(correlation_id, asked.command, policy=asked.policy, **asked.args)

    def words(self, correlation_id: str) -> list[str]:
        """The arguments of the process that answers the request."""
        if self.door == "mailbox":
            return list(SERVE)
        return self.scenario.words(correlation_id)

    def ask(
        self, correlation_id: str, *, orders: Orders | None = None, traced: bool = False
    ) -> Ended:
        """Run the process that answers the request that was dropped; return its exit code."""
        return self.server.run(self.root, self.words(correlation_id), orders=orders, traced=traced)

    def bring_up(self, expected: State) -> None:
        """Files that the host makes from the record may lag behind it until the next change.

        A worker's start brings the log up, and `doctor` the plan of execution lanes. It also prints the
        command that makes git merge logs line by line.
        """
        if len(state.event_lines(self.root)) < len(expected.moves):
            self.server.run(self.root, SERVE)
        if state.LANES in expected.files and not (self.root / state.LANES).exists():
            self.server.run(self.root, ("doctor", "--fix"))
        if state.ATTRIBUTES in expected.files and not (self.root / state.ATTRIBUTES).exists():
            told = self.server.run(self.root, ("doctor",)).out
            advice = re.search("'(echo .* >> .*)'", told)
            assert advice, told
            subprocess.run(advice[1], shell=True, check=True)

    def trace(self) -> list[Call]:
        """The calls of the last traced process."""
        return calls(self.server.folder / "trace")

    def golden(self) -> tuple[State, list[Call]]:
        """The state after a request without faults, and the calls of it."""
        self.reset()
        self.drop(FIRST)
        ended = self.ask(FIRST, traced=True)
        assert ended.status == 0, ended
        traced = self.trace()
        problems = list(state.broken_promises(self.root, self.asked(FIRST)))
        assert not problems, problems
        return state.read(self.root), traced

    def asked(self, *correlation_ids: str) -> set[str]:
        """The requests that came through the mailbox."""
        return set(correlation_ids) if self.door == "mailbox" else set()
