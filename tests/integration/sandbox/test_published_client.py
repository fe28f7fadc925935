"""The published `spec-kitty-orchestrator` in a sandbox, with two folders and our command line as its host."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IDENTITY
from tests.integration.published_client import history
from tests.integration.published_client.history import FORCED_DONE, REVIEWED, TAKEN
from tests.integration.published_client.run import Run
from tests.integration.sandbox import bubblewrap, workspaces
from tests.integration.sandbox.bubblewrap import ROOT
from tests.integration.sandbox.conftest import grant, serve
from tests.integration.stage import SLUG, SOURCE, Stage
from tests.patience import LONGEST_S

GRANTS = f"""\
[orchestrators.client]
commands = ["all"]
missions = ["{SLUG}"]
[orchestrators.client.paths]
".worktrees" = "{workspaces.TREES}"
"kitty-specs" = "{workspaces.PROMPTS}"
"""
PACKAGES = {
    "WP01": {"owned_files": ["work/WP01.txt"]},
    "WP02": {"owned_files": ["work/WP02.txt"]},
    "WP03": {"owned_files": ["work/WP03.txt"], "dependencies": ["WP01", "WP02"]},
}
# The client needs a repository of its own, in which it looks for its settings.
BEGIN = (
    "git init -q /mine && cd /mine && git commit -q --allow-empty -m begin"
    " && mkdir .kittify && cp /orchestrator.toml .kittify/"
    f" && spec-kitty-orchestrator orchestrate --mission {SLUG} --max-concurrent 2"
    f" && spec-kitty orchestrator-api accept-mission --mission {SLUG} --actor client"
    f" && spec-kitty orchestrator-api merge-mission --mission {SLUG} --actor client"
)


@pytest.fixture
def run(stage: Stage, tmp_path: Path) -> Iterator[Run]:
    """A mission for the client, and its fake agents."""
    desk = tmp_path / "desk"
    desk.mkdir()
    made = Run(stage=stage, desk=desk, bytecode=tmp_path / "bytecode")
    made.prepare(PACKAGES)
    yield made
    made.end()


def test_client_in_a_sandbox_gets_its_mission_merged(run: Run):
    grant(run.stage, GRANTS)
    serve(run.stage, "client")

    said = bubblewrap.run(
        *mailbox(run.stage), [*sandbox(run), "sh", "-ec", BEGIN], timeout_s=LONGEST_S
    )

    for wp_id in PACKAGES:
        assert history.moves(run.stage, wp_id) == [*TAKEN, *REVIEWED, FORCED_DONE], said
    history.assert_no_lane_was_skipped(run.stage)
    history.assert_merged(run.stage, PACKAGES)
    assert run.stage.run("mailbox", "verify").exit_code == 0
    assert {line["identity"] for line in run.stage.journal()} == {"client"}


def mailbox(stage: Stage) -> tuple[Path, Path]:
    return stage.root / ".kitty" / "inbox" / "client", stage.root / ".kitty" / "outbox" / "client"


def sandbox(run: Run) -> list[str]:
    """What the sandbox has besides the two folders; nothing of the project's repository."""
    return [*programs(run), *workspaces.of_all_agents(run.stage)]


def programs(run: Run) -> list[str]:
    """Options for Python's environment, the agents and their folder, and the git identity."""
    kept = [bubblewrap.HOME_OF_PYTHON, sys.prefix, SOURCE, ROOT / "contract", run.desk / "bin"]
    options = ["--bind", str(run.desk), str(run.desk)]
    for folder in kept:
        options += ["--ro-bind", str(folder), str(folder)]
    settings = run.stage.root / ".kittify" / "orchestrator.toml"
    options += ["--ro-bind", str(settings), "/orchestrator.toml"]
    return [*options, *variables(environment(run))]


def environment(run: Run) -> Mapping[str, str]:
    path = [run.desk / "bin", Path(sys.prefix) / "bin", "/usr/bin", "/bin"]
    return IDENTITY | {
        "PATH": os.pathsep.join(map(str, path)),
        "PYTHONPATH": str(SOURCE),
        "FAKE_AGENTS": str(run.desk),
        "SPEC_KITTY_MAILBOX": f"/inbox{os.pathsep}/outbox",
    }


def variables(environment: Mapping[str, Any]) -> list[str]:
    return [word for name, value in environment.items() for word in ("--setenv", name, value)]
