"""Where one point after the other happens: always the same folder, because worktrees name it."""

from __future__ import annotations

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
    """A project that is as it was before the request, as often as it is wanted."""

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
        """The request was not made yet."""
        shutil.rmtree(self.root, ignore_errors=True)
        subprocess.run(["cp", "-a", str(self._template), str(self.root)], check=True)

    def drop(self, correlation_id: str) -> None:
        """The request lies in the inbox, if it goes that way."""
        if self.door == "mailbox":
            asked, stage = self.scenario, Stage(root=self.root)
            stage.put(correlation_id, asked.command, policy=asked.policy, **asked.args)

    def words(self, correlation_id: str) -> list[str]:
        """What the process that answers the request is called with."""
        if self.door == "mailbox":
            return list(SERVE)
        return self.scenario.words(correlation_id)

    def ask(
        self, correlation_id: str, *, orders: Orders | None = None, traced: bool = False
    ) -> Ended:
        """How the process ended that is to answer; the request lies there already."""
        return self.server.run(self.root, self.words(correlation_id), orders=orders, traced=traced)

    def bring_log_up(self, lines: int) -> None:
        """The file of the log may lag behind the record until the next change, or a worker's start."""
        if len(state.event_lines(self.root)) < lines:
            self.server.run(self.root, SERVE)

    def trace(self) -> list[Call]:
        """What the last traced process did."""
        return calls(self.server.folder / "trace")

    def golden(self) -> tuple[State, list[Call]]:
        """The state after an undisturbed request, and the calls that led there."""
        self.reset()
        self.drop(FIRST)
        ended = self.ask(FIRST, traced=True)
        assert ended.status == 0, ended
        traced = self.trace()
        problems = list(state.broken_promises(self.root, self.asked(FIRST)))
        assert not problems, problems
        return state.read(self.root), traced

    def asked(self, *correlation_ids: str) -> set[str]:
        """Those that came through the mailbox."""
        return set(correlation_ids) if self.door == "mailbox" else set()
