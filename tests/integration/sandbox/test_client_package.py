"""The client package, bound into a sandbox as a folder, drives a mission from there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.sandbox import bubblewrap, workspaces
from tests.integration.sandbox.bubblewrap import CARRIED, CLIENT, EXAMPLES, PYTHON
from tests.integration.sandbox.conftest import grant, serve
from tests.integration.stage import SLUG, Stage

GRANTS = f"""\
[orchestrators.nightly]
commands = ["all"]
missions = ["{SLUG}"]
[orchestrators.nightly.paths]
".worktrees" = "{workspaces.TREES}"
"kitty-specs" = "{workspaces.PROMPTS}"
"""
PACKAGES = {
    "WP01": {"title": "Write index.py", "owned_files": ["index.py"]},
    "WP02": {"title": "Write query.py", "owned_files": ["query.py"]},
}
AGENTS = [EXAMPLES / "parallel_orchestrator.py", EXAMPLES / "pretend_agent.py"]
IDENTITY = [
    it
    for who in ("AUTHOR", "COMMITTER")
    for pair in (("NAME", "Agent"), ("EMAIL", "agent@example.org"))
    for it in ("--setenv", f"GIT_{who}_{pair[0]}", pair[1])
]


@pytest.fixture
def planned(stage: Stage) -> Stage:
    stage.write_mission(PACKAGES)
    stage.git("add", "--", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan the mission")
    return stage


def test_orchestrator_in_a_sandbox_gets_its_mission_merged(planned: Stage) -> None:
    grant(planned, GRANTS)
    serve(planned, "nightly")
    kitty = planned.root / ".kitty"
    options = [*workspaces.of_all_agents(planned), *bubblewrap.carrying(CLIENT, *AGENTS), *IDENTITY]
    words = [PYTHON, f"{CARRIED}/parallel_orchestrator.py", "/inbox:/outbox", SLUG]

    said = bubblewrap.run(
        kitty / "inbox" / "nightly", kitty / "outbox" / "nightly", [*options, *words]
    )

    assert said.splitlines()[-1] == "merged into main"
    assert [planned.lane(it) for it in PACKAGES] == ["done", "done"]
    assert {line["identity"] for line in planned.journal()} == {"nightly"}


def test_program_and_client_package_run_as_one_zipapp(planned: Stage, tmp_path: Path) -> None:
    serve(planned)
    kitty, program = planned.root / ".kitty", tmp_path / "program"
    shutil.copytree(CLIENT, program / CLIENT.name)
    (program / "__main__.py").write_text(
        "from spec_kitty_client import Client, connect\n"
        f"print(Client(connect('/inbox:/outbox')).mission_state('{SLUG}').summary.planned)\n"
    )
    subprocess.run([sys.executable, "-m", "zipapp", str(program)], check=True)
    words = [*bubblewrap.carrying(tmp_path / "program.pyz"), PYTHON, "-I", f"{CARRIED}/program.pyz"]

    assert bubblewrap.run(kitty / "inbox", kitty / "outbox", words) == "2\n"
