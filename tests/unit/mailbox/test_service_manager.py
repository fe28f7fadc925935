"""The messages of a worker to a service manager, through a real socket."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from specify_cli.errors import StateUnreadable
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.service_manager import ServiceManager
from specify_cli.mailbox.settings import NewSettings
from specify_cli.mailbox.worker import Worker
from specify_cli.storage.request_file import Lookup
from tests.unit.mailbox.recording import SETTINGS, RecordingDispatcher, put, wait_until

WATCHDOG_S = 0.2


class Manager:
    """The other end of the socket."""

    def __init__(self, name: str) -> None:
        self.environment = {"NOTIFY_SOCKET": name}
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{name[1:]}" if name.startswith("@") else name)
        self._socket.settimeout(0.01)

    def listen(self) -> list[str]:
        """All messages so far."""
        try:
            while True:
                self.heard.append(self._socket.recv(4096).decode())
        except TimeoutError:
            return self.heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    is_path = request.param == "path"
    made = Manager(str(tmp_path / "notify") if is_path else f"@spec-kitty-{os.getpid()}")
    yield made
    made.close()


class StuckDispatcher(RecordingDispatcher):
    """A dispatcher that hangs in the main loop, like a disk that does not respond."""

    stuck, free = threading.Event(), threading.Event()

    def look_up(self, raw: bytes) -> Lookup:
        if b"stuck" in raw:
            self.stuck.set()
            self.free.wait()
        return super().look_up(raw)


def refuse() -> NewSettings:
    raise StateUnreadable("config.toml is damaged")


@contextmanager
def served(layout: MailboxLayout, manager: Manager) -> Iterator[Worker]:
    settings = replace(SETTINGS, reload=refuse)
    worker = Worker(layout, StuckDispatcher(layout), settings=settings, log=lambda _: None)
    of_manager = ServiceManager(manager.environment)
    thread = threading.Thread(target=lambda: worker.serve(manager=of_manager))
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join()


def test_a_worker_says_when_it_is_ready_reloads_and_stops(
    layout: MailboxLayout, manager: Manager
) -> None:
    with served(layout, manager) as worker:
        wait_until(lambda: len(manager.listen()) >= 2)
        began_us = time.monotonic_ns() // 1000
        worker.reload()
        wait_until(lambda: manager.listen()[-1] == "READY=1")
    ready, status, reloading, again, stopping = manager.listen()
    assert (ready, again, stopping) == ("READY=1", "READY=1", "STOPPING=1")
    assert status == "STATUS=serves default; requests waiting: 0, answered: 0, of which refused: 0"
    first, _, usec = reloading.partition("\nMONOTONIC_USEC=")
    assert first == "RELOADING=1"
    assert began_us <= int(usec) <= time.monotonic_ns() // 1000
    assert manager.environment == {}


@pytest.mark.long
def test_no_watchdog_message_is_sent_while_the_main_loop_hangs(
    layout: MailboxLayout, manager: Manager
) -> None:
    manager.environment["WATCHDOG_USEC"] = str(int(WATCHDOG_S * 1e6))
    manager.environment["WATCHDOG_PID"] = str(os.getpid())
    with served(layout, manager):
        wait_until(lambda: manager.listen().count("WATCHDOG=1") >= 3)
        put(layout, "stuck")
        StuckDispatcher.stuck.wait()
        before = len(manager.listen())
        time.sleep(2 * WATCHDOG_S)
        assert manager.listen()[before:] == []
        StuckDispatcher.free.set()
        wait_until(lambda: manager.listen()[-1] == "WATCHDOG=1")
    StuckDispatcher.stuck.clear()
    StuckDispatcher.free.clear()


@pytest.mark.parametrize(
    "environment", [{}, {"NOTIFY_SOCKET": "vsock:2:1"}, {"WATCHDOG_USEC": "5"}]
)
def test_without_a_socket_nothing_is_sent(environment: dict[str, str]) -> None:
    manager = ServiceManager(environment)
    assert manager.interval_s == float("inf")
    assert not manager.is_status_due
    manager.ready()
    manager.report_progress()


def test_a_manager_that_is_gone_or_does_not_listen_delays_nothing(tmp_path: Path) -> None:
    gone = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1000000"})
    gone.ready()
    gone.report_progress()
    other = ServiceManager({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"})
    assert other.interval_s == 5.0
