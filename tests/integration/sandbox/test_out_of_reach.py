"""From inside the sandbox only the two folders can be reached."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sandbox import bubblewrap
from tests.integration.sandbox.bubblewrap import CARRIED, CLIENT, HERE, PYTHON
from tests.integration.stage import Stage

MARKER = "the-marker-of-the-project.txt"


@pytest.fixture
def probed(mission: Stage, worker: None) -> dict[str, Any]:
    """The results of the probe; everything that it looks for exists outside."""
    (mission.root / MARKER).touch()
    (Path.home() / "private").touch()
    kitty = mission.root / ".kitty"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind(f"\0{mission.root}")
        local.listen()
        outside = {
            "home": str(Path.home()),
            "pid": os.getpid(),
            "port": server.getsockname()[1],
            "socket": str(mission.root),
            "marker": MARKER,
            "project": str(mission.root),
        }
        words = [*bubblewrap.carrying(CLIENT, HERE / "probe.py"), PYTHON, f"{CARRIED}/probe.py"]
        told = bubblewrap.run(kitty / "inbox", kitty / "outbox", [*words, json.dumps(outside)])
    found: dict[str, Any] = json.loads(told)
    return found


def test_only_the_two_folders_are_reachable(probed: dict[str, Any]):
    assert len(probed["found"]) > 10
    assert {name: what for name, what in probed["found"].items() if what} == {}


def test_sandbox_has_its_own_namespaces(probed: dict[str, Any]):
    shared = {
        name
        for name, inside in probed["namespaces"].items()
        if inside == str(Path(f"/proc/self/ns/{name}").readlink())
    }

    assert shared <= {"time", "time_for_children", "user"}


def test_client_in_the_sandbox_is_answered(probed: dict[str, Any]):
    assert probed["answer"]["success"]
    assert probed["answer"]["data"]["api_version"] == "1.5.0"


def test_failed_attempts_leave_no_trace(mission: Stage, probed: dict[str, Any]):
    assert not (mission.root / ".kitty" / "outbox" / "forged.json").exists()
    assert (mission.root / ".kitty" / "outbox" / "worker.json").exists()
    assert [*(mission.root / ".kitty" / "inbox").iterdir()] == []
