"""Slow libraries that commands at the command line must not load."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.large_mission import SLUG, write_mission
from tests.benchmarks.mailbox_rows import serving
from tests.contract.recorded import POLICY

WP = ["--mission", SLUG, "--wp", "WP001", "--actor", "someone"]
READING = [
    ["contract-version"],
    ["mission-state", "--mission", SLUG],
    ["list-ready", "--mission", SLUG],
    ["list-missions"],
    ["show-prompt", "--mission", SLUG, "--wp", "WP001"],
    ["package-history", "--mission", SLUG, "--wp", "WP001", "--limit", "9"],
    ["transition", "--help"],
    ["--help"],
]
CHANGING = [
    ["append-history", *WP, "--note", "hello"],
    ["mark-subtasks", *WP, "--subtasks", "WP001", "--status", "done"],
    ["transition", *WP, "--to", "blocked", "--note", "why", "--policy", json.dumps(POLICY)],
]
LIBRARIES = {"click", "pydantic", "pydantic_core", "rich", "yaml"}
SLOW = {"asyncio", "dataclasses", "pathlib", "threading", "typing"}
"""Standard library modules that take longer to load than a request through a mailbox."""
QUICK = READING[:4]
"""The reads that orchestrators repeat."""
FOR_CHANGES = {"filelock", "subprocess", "specify_cli.vcs.git"}


def loaded(words: list[str], *, root: Path) -> set[str]:
    code = (
        "import sys; from specify_cli.__main__ import main\n"
        "sys.argv = ['spec-kitty', 'orchestrator-api', *sys.argv[1:]]\n"
        "try: main()\n"
        "finally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=root, capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_read_loads_no_library_and_no_lock_or_git_module(root: Path, words: list[str]) -> None:
    assert loaded(words, root=root) & (LIBRARIES | FOR_CHANGES) == set()


@pytest.mark.parametrize("words", QUICK, ids=" ".join)
def test_frequent_read_does_not_import_dataclasses(root: Path, words: list[str]) -> None:
    assert loaded(words, root=root) & {"dataclasses", "inspect"} == set()


def test_request_through_a_mailbox_loads_no_slow_module(root: Path) -> None:
    words = ["mission-state", "--mission", SLUG, "--mailbox", str(root / ".kitty")]
    with serving(root):
        found = loaded(words, root=root)
    assert found & (LIBRARIES | FOR_CHANGES | SLOW) == set()


def test_claim_loads_no_git_module(root: Path) -> None:
    write_mission(root, packages=1, slug="002-new", number=2, is_new=True)
    words = ["--mission", "002-new", "--wp", "WP001", "--to", "claimed", "--actor", "someone"]
    found = loaded(["transition", *words, "--policy", json.dumps(POLICY)], root=root)
    assert {it for it in found if it.startswith("specify_cli.vcs.")} == set()
    assert found & {"logging", "traceback"} == set()


@pytest.mark.parametrize("words", CHANGING, ids=lambda words: words[0])
def test_change_loads_no_third_party_library(root: Path, words: list[str]) -> None:
    assert loaded(words, root=root) & LIBRARIES == set()
