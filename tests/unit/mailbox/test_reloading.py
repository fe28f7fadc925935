"""A worker reads its settings again while it serves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from specify_cli import processes
from specify_cli.errors import StateUnreadable
from specify_cli.mailbox.background import BackgroundTask
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.reloading import last_reading
from specify_cli.mailbox.settings import NewSettings, Orchestrator
from specify_cli.mailbox.worker import Worker
from specify_cli.storage import heartbeat_file
from tests.unit.mailbox.recording import (
    DEFAULT,
    NIGHTLY,
    SETTINGS,
    RecordingDispatcher,
    put,
    reply_of,
    wait_until,
)


@dataclass
class Operator:
    """Change the settings and make the worker reload them."""

    layout: MailboxLayout
    log: list[str] = field(default_factory=list)
    found: tuple[Orchestrator, ...] | Exception = (DEFAULT,)
    runs: int = 0

    def read(self) -> NewSettings:
        if isinstance(self.found, Exception):
            raise self.found
        return NewSettings(replace(SETTINGS, orchestrators=self.found), ["a change"])

    def run(self) -> float:
        self.runs += 1
        return 3600

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        settings = replace(SETTINGS, orchestrators=(DEFAULT,), reload=self.read)
        dispatcher, tasks = (
            RecordingDispatcher(self.layout),
            [BackgroundTask(name="t", run=self.run)],
        )
        worker = Worker(
            self.layout, dispatcher, settings=settings, log=self.log.append, tasks=tasks
        )
        thread = threading.Thread(target=worker.serve)
        thread.start()
        try:
            wait_until(lambda: heartbeat_file.is_alive(self.layout.heartbeat))
            yield worker
        finally:
            worker.stop()
            thread.join()

    def reload(self, worker: Worker, found: tuple[Orchestrator, ...] | Exception) -> None:
        self.found, before = found, last_reading(self.layout)
        worker.reload()
        # The worker logs first, and writes what `mailbox reload` reads when the settings are in force.
        wait_until(lambda: last_reading(self.layout) != before)

    def beat(self, identity: str = "default") -> dict[str, Any]:
        return heartbeat_file.last_beat(self.layout.paths(identity).heartbeat) or {}


@pytest.fixture
def operator(layout: MailboxLayout) -> Operator:
    return Operator(layout)


def test_an_orchestrator_is_added_and_removed_while_the_worker_serves(operator: Operator) -> None:
    layout = operator.layout
    with operator.worker() as worker:
        operator.reload(worker, (DEFAULT, NIGHTLY))
        wait_until(lambda: operator.beat("nightly").get("state") == "running")
        assert operator.beat("nightly")["commands"] == ["note", "read"]
        put(layout, "one", "nightly")
        wait_until((layout.outbox / "nightly" / "one.json").exists)
        put(layout, "large", "nightly", text="x" * 5000)
        wait_until((layout.outbox / "nightly" / "large.json").exists)
        assert reply_of(layout, "large", "nightly")["error_code"] == "REQUEST_TOO_LARGE"

        operator.reload(worker, (DEFAULT, replace(NIGHTLY, max_request_bytes=9000, commands=())))
        wait_until(lambda: operator.beat("nightly")["commands"] == [])
        put(layout, "now", "nightly", text="x" * 5000)
        wait_until((layout.outbox / "nightly" / "now.json").exists)
        assert reply_of(layout, "now", "nightly")["success"]

        operator.reload(worker, (replace(DEFAULT, max_daily_requests=0),))
        wait_until(lambda: operator.beat("nightly")["state"] == "stopped")
        put(layout, "over")
        wait_until((layout.outbox / "over.json").exists)
        assert "max_daily_requests" in reply_of(layout, "over")["data"]["message"]
        # The dispatcher refuses them, so that they do not stay without an answer.
        put(layout, "later", "nightly")
        wait_until((layout.outbox / "nightly" / "later.json").exists)
        assert operator.beat()["state"] == "running"


def test_temporary_files_of_a_killed_worker_are_removed(operator: Operator) -> None:
    operator.layout.host.mkdir(parents=True, exist_ok=True)
    drafts = [
        operator.layout.host / f".{name}.json.0123456789abcdef.tmp"
        for name in ("settings", "worker")
    ]
    for draft in drafts:
        draft.write_text("{")
    with operator.worker():
        wait_until(lambda: not any(draft.exists() for draft in drafts))


def test_unreadable_settings_leave_the_previous_ones_in_force(operator: Operator) -> None:
    with operator.worker() as worker:
        operator.reload(worker, StateUnreadable("config.toml: at reads_days: no\nnumber"))
        refused = last_reading(operator.layout)
        assert refused is not None
        assert refused.process == str(processes.this_process())
        assert "reads_days" in refused.problem
        assert operator.log[-1].startswith("config.toml is refused, and the former settings stay")
        assert operator.log[-1].isprintable()
        assert operator.beat()["commands"] == list(DEFAULT.commands)
        wait_until(lambda: operator.runs == 1)
        operator.reload(worker, (DEFAULT,))
        wait_until(lambda: operator.runs == 2)
        accepted = last_reading(operator.layout)
        assert accepted is not None
        assert (accepted.problem, accepted.changes) == ("", ["a change"])
        assert accepted.began_ns > refused.began_ns


def test_a_stalled_mailbox_stays_stalled(operator: Operator) -> None:
    with operator.worker() as worker:
        replace_by_a_file(operator.layout.claimed)
        # The worker may have recovered its claims before, and uses the folder for a request only.
        put(operator.layout, "one")
        wait_until(lambda: operator.beat().get("state") == "stalled")
        operator.reload(worker, (replace(DEFAULT, commands=("note",)),))
        wait_until(lambda: operator.beat().get("commands") == ["note"])
        assert operator.beat()["state"] == "stalled"
        operator.layout.claimed.unlink()


def replace_by_a_file(folder: Path) -> None:
    """The worker may make the folder again before the file is there."""

    def replaced() -> bool:
        with suppress(FileNotFoundError, NotADirectoryError):
            folder.rmdir()
        with suppress(FileExistsError):
            folder.touch(exist_ok=False)
        return folder.is_file()

    wait_until(replaced)
