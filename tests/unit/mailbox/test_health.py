from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from specify_cli import clock
from specify_cli.errors import StateUnreadable
from specify_cli.mailbox import health
from specify_cli.mailbox.health_facts import Disk, Facts, MailboxFacts
from specify_cli.mailbox.health_problems import KINDS
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.processes import Process

GIB = 1024**3


def facts(tmp_path: Path, **changes: Any) -> Facts:
    """A worker that serves one mailbox."""
    layout = MailboxLayout(tmp_path)
    beat = {"pid": 7, "state": "running", "beat_at": clock.timestamp(), "dead_letters": 0}
    default = MailboxFacts(paths=layout.paths("default"), beat=beat, is_alive=True, depth=0)
    nightly = MailboxFacts(paths=layout.paths("nightly"), beat=beat, is_alive=True, depth=0)
    made = Facts(
        layout=layout,
        now=clock.now().timestamp(),
        holder=Process(7, "1"),
        worker={"pid": 7, "config": {"digest": None}},
        worker_is_alive=True,
        mailboxes=[default, nightly],
    )
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def told(found: Facts) -> tuple[str, list[str]]:
    problems = health.problems(found)
    kinds = [it.kind for it in problems]
    assert set(kinds) <= set(KINDS)
    return health.health(problems), kinds


def stalled(*identities: str) -> dict[str, Any]:
    entry = {"since": clock.timestamp(), "reason": "the disk is full"}
    return {"config": {"digest": None}, "stalled": dict.fromkeys(identities, entry)}


def test_a_serving_worker_is_well(tmp_path: Path) -> None:
    assert told(facts(tmp_path)) == ("well", [])


@pytest.mark.parametrize(
    ("free", "size", "is_low"),
    [(4, 100, True), (6, 100, False), (2 * GIB, 4000 * GIB, False), (GIB - 1, 4000 * GIB, True)],
)
def test_a_nearly_full_disk_is_detected_by_share_and_by_bytes(
    tmp_path: Path, free: int, size: int, is_low: bool
) -> None:
    disk = Disk("/a b", 1, free, size, 0, 0)
    kinds = ["disk_nearly_full"] if is_low else []
    assert told(facts(tmp_path, disks=[disk])) == ("degraded" if is_low else "well", kinds)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"worker": stalled("nightly")}, ("degraded", ["stalled_mailbox"])),
        ({"worker": stalled("default", "nightly")}, ("down", ["stalled_mailbox"] * 2)),
        ({"config_digest": "changed"}, ("degraded", ["stale_config"])),
        ({"failures": {"config": StateUnreadable("bad")}}, ("degraded", ["damaged_config"])),
        (
            {"worker": {"config": {"digest": None}, "unmovable": {"nightly": "a.json stays"}}},
            ("degraded", ["unmovable_request"]),
        ),
        ({"failures": {"record": StateUnreadable("bad")}}, ("degraded", ["record_unusable"])),
        ({"hanging": {"disk/nightly": Path("/mnt/a")}}, ("degraded", ["stalled_disk"])),
        (
            {"hanging": {"record": Path("/mnt/a")}, "lockers": [1, 2]},
            ("degraded", ["record_unusable"]),
        ),
        (
            {"worker": {"turn": {"identity": "nightly", "since": "2020-01-01T00:00:00+00:00"}}},
            ("down", ["stalled_disk"]),
        ),
        ({"worker": {"version": "0.0.1"}}, ("degraded", ["other_version"])),
        ({"worker": None, "worker_is_alive": False}, ("well", [])),
    ],
)
def test_each_problem_has_its_state_and_kind(
    tmp_path: Path, changes: dict[str, Any], expected: tuple[str, list[str]]
) -> None:
    assert told(facts(tmp_path, **changes)) == expected


def test_a_running_worker_without_a_heartbeat_is_reported_as_silent(tmp_path: Path) -> None:
    silent = facts(tmp_path, worker=None, worker_is_alive=False, mailboxes=[])
    [problem] = health.problems(silent)
    assert (problem.kind, problem.next[0]) == ("worker_silent", "kill 7")


def test_invalid_settings_are_corrected_before_a_worker_is_started(tmp_path: Path) -> None:
    down = facts(tmp_path, holder=None, worker=None, worker_is_alive=False, mailboxes=[])
    assert [it.next for it in health.problems(down)] == [(health.SERVE,)]
    down.disks = [Disk("/", 1, 0, 100 * GIB, 0, 0)]
    assert health.problems(down)[0].next == ()  # It may run, and cannot say so.
    down.disks = []
    down.failures["config"] = StateUnreadable("bad")
    assert [it.next for it in health.problems(down)] == [(), ("spec-kitty mailbox access",)]
