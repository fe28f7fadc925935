"""No request costs more than before: `limits.toml` has the measured counts with a margin.

If a change makes a request cheaper, lower its limits.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from spec_kitty_client.mailbox import Mailbox
from tests.benchmarks.large_mission import SLUG
from tests.benchmarks.mailbox_rows import mailbox_of
from tests.benchmarks.timing import spec_kitty
from tests.integration.costs.counting import calls_of, calls_of_a_beat, modules, traced
from tests.patience import wait_until

LIMITS = tomllib.loads(Path(__file__).with_name("limits.toml").read_text())
MISSION = {"mission": SLUG}
ARGS = {
    "append-history": {**MISSION, "wp": "WP001", "actor": "someone", "note": "n" * 200},
    "mission-state": MISSION,
    "list-ready": MISSION,
}
TIMES = 10

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt install strace"
)


def over(found: dict[str, int], limits: dict[str, int]) -> dict[str, str]:
    """The counts above their limit."""
    assert found.keys() == limits.keys()
    return {
        name: f"{value}, at most {limits[name]}"
        for name, value in found.items()
        if value > limits[name]
    }


@pytest.mark.parametrize("line", list(LIMITS["modules"]))
def test_command_imports_no_more_modules_than_its_limit(root: Path, line: str) -> None:
    words = line.replace("MISSION", SLUG).split()
    assert over(modules(words, root=root), LIMITS["modules"][line]) == {}


@needs_strace
@pytest.mark.parametrize("name", list(ARGS))
def test_request_costs_the_worker_no_more_system_calls_than_its_limit(
    root: Path, tmp_path: Path, name: str
) -> None:
    trace = tmp_path / "trace"
    with traced([*spec_kitty(), "mailbox", "serve"], root=root, trace=trace):
        replies = [ask(mailbox_of(root), name) for _ in range(TIMES)]
    assert over(calls_of(trace, replies), LIMITS["worker"][name]) == {}


@pytest.mark.long
@needs_strace
def test_a_worker_that_waits_makes_no_more_calls(root: Path, tmp_path: Path) -> None:
    trace, beat = tmp_path / "trace", root / ".kitty" / "outbox" / "worker.json"
    with traced([*spec_kitty(), "mailbox", "serve"], root=root, trace=trace):
        ask(mailbox_of(root), "mission-state")
        began = beat.stat().st_mtime
        # The first beats list folders whose dates are too young to be relied on.
        wait_until(lambda: beat.stat().st_mtime > began + 5.5, "beats")
    assert over(calls_of_a_beat(trace), LIMITS["idle"]["beat"]) == {}


def ask(mailbox: Mailbox, name: str) -> str:
    """Send a request, wait for its reply and return the reply's file name."""
    correlation_id = mailbox.submit(name, ARGS[name])
    answer = mailbox.wait(correlation_id)
    assert answer["success"], answer
    return f"{correlation_id}.json"
