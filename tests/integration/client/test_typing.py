"""A type checker accepts a correct program that uses the client and finds each error of a wrong one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import spec_kitty_client

SOURCE = Path(spec_kitty_client.__file__).parents[1]
GOOD = """\
import asyncio
from spec_kitty_client import (
    AsyncClient, Client, CommandLine, Mailbox, Policy, Refused, Retry, ReviewResult, WpAlreadyClaimed, connect,
)

policy = Policy.for_agent("claude", orchestrator_id="nightly", network_mode="a proxy")
client = Client(connect(), policy=policy, retry=Retry(attempts=2))
number: int = client.mission_state("1", timeout_s=3).summary.planned
wp: str = client.list_ready("1").ready_work_packages[0].wp_id
try:
    path: str = client.start_implementation("1", wp, actor="me", correlation_id="a").workspace_path
except WpAlreadyClaimed as refused:
    holder: str = refused.claimed_by
except Refused as refused_:
    code: str = refused_.code
review = ReviewResult.of("me", fault="no tests")
client.transition("1", wp, to="in_progress", actor="me", review_result=review, policy=policy)
data: object = client.call("mission-state", {"mission": "1"})["summary"]

async def main() -> str:
    asking = AsyncClient(CommandLine("."), policy=None)
    found = await asyncio.gather(asking.mission_state("1"), asking.contract_version())
    return found[1].api_version

Client(Mailbox("in", "out"))
"""
BAD = """\
from spec_kitty_client import AsyncClient, Client, Policy, connect

client = Client(connect())
client.call("mission-sate", {})  # arg-type
client.mission_sate("1")  # attr-defined
client.mission_state(1)  # arg-type
client.mission_state("1", correlation_id="a")  # call-arg
client.start_implementation("1", "WP01")  # call-arg
client.transition("1", "WP01", to="aproved", actor="me")  # arg-type
client.append_history("1", "WP01", actor="me", note="n", policy=None)  # call-arg
client.merge_mission("1", strategy="octopus")  # arg-type
client.list_ready("1").ready_packages  # attr-defined
reviewer: str = client.mission_state("1").work_packages[0].reviewer  # assignment
Policy.for_agent("claude")  # call-arg
Client("somewhere")  # arg-type

async def main() -> None:
    AsyncClient(connect()).contract_version().api_version  # attr-defined
"""


def test_mypy_finds_wrong_commands_arguments_and_fields(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "good.py").write_text(GOOD)
    (tmp_path / "bad.py").write_text(BAD)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", "cache", "good.py", "bad.py"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.M)
    expected = [
        ("bad.py", str(number), line.partition("  # ")[2])
        for number, line in enumerate(BAD.splitlines(), 1)
        if "  # " in line
    ]
    assert found == expected, done.stdout + done.stderr
