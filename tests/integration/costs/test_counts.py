"""No request comes to cost more than it did: `limits.toml` has what was counted, and some more.

Where a change makes a request cheaper, its limits go down with it.
"""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from specify_cli.mailbox.client import Mailbox
from tests.benchmarks.large_mission import SLUG
from tests.benchmarks.mailbox_rows import mailbox_of
from tests.benchmarks.timing import spec_kitty
from tests.integration.costs.counting import calls_of, modules, traced

LIMITS = tomllib.loads(Path(__file__).with_name("limits.toml").read_text())
MISSION = {"mission": SLUG}
ARGS = {
    "append-history": {**MISSION, "wp": "WP001", "actor": "someone", "note": "n" * 200},
    "mission-state": MISSION,
    "list-ready": MISSION,
}
TIMES = 20

needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace is not installed: apt install strace"
)


def over(found: dict[str, float], limits: dict[str, float]) -> dict[str, str]:
    """What is above its limit."""
    assert found.keys() == limits.keys()
    return {
        name: f"{value:g}, at most {limits[name]:g}"
        for name, value in found.items()
        if value > limits[name]
    }


@pytest.mark.parametrize("line", list(LIMITS["modules"]))
def test_a_call_imports_no_more_modules(root: Path, line: str) -> None:
    words = line.replace("MISSION", SLUG).split()
    assert over({**modules(words, root=root)}, LIMITS["modules"][line]) == {}


@needs_strace
@pytest.mark.parametrize("name", list(ARGS))
def test_a_request_costs_a_worker_no_more_calls(root: Path, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "trace"
    with traced([*spec_kitty(), "mailbox", "serve"], root=root, trace=trace):
        mailbox = mailbox_of(root)
        request(mailbox, name)
        found = calls_of(trace, lambda: request(mailbox, name), times=TIMES)
    assert over(found, LIMITS["worker"][name]) == {}


def request(mailbox: Mailbox, name: str) -> None:
    answer = mailbox.call(name, ARGS[name])
    assert answer["success"], answer
