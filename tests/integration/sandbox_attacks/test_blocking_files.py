"""Former attacks by FIFOs that block git, tried on the whole cycle of the host."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from specify_cli.workflow import lane_folders
from tests.integration.intake.workspaces import git
from tests.integration.sandbox_attacks.agents import (
    LATER,
    beside,
)
from tests.integration.sandbox_attacks.world import DEADLINE_S, SLUG, World
from tests.integration.stage import APPROVED
from tests.patience import LONGEST_S

pytestmark = pytest.mark.usefixtures("told")


@pytest.mark.campaign
def test_fifos_swapped_in_while_the_host_reads_do_not_block_it(world: World) -> None:
    """The agent swaps FIFOs for files that git reads while the host reads the workspace."""
    putting = (
        "echo begun; while :; do for it in HEAD config packed-refs; do"
        " mv .git/$it .git/was; mkfifo .git/$it; rm .git/$it; mv .git/was .git/$it; done; done"
    )
    with world.unharmed(), beside(world.start(putting)):
        started = time.monotonic()
        for _ in range(3):
            world.ask("transition", wp="WP01", actor="coder", to="for_review")
            world.ask("mission-state")
    assert time.monotonic() - started < LONGEST_S / 2


@pytest.mark.campaign
def test_fifo_planted_after_the_first_check_does_not_block_the_repository(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent plants the FIFO after the host's first check, without a process in its workspace."""
    assert world.submit() == "taken"
    world.inside("git switch -q -c other")
    config = world.stage.root / ".kitty" / "config.toml"
    config.write_text(config.read_text().replace(f"git_timeout_s = {DEADLINE_S}\n", ""))
    looks, first_look = [0], lane_folders.work_in

    def work_in(*args: Any, **more: Any) -> Sequence[str]:
        looks[0] += 1
        if looks[0] == 2:
            os.mkfifo(world.workspace / "docs" / ".gitignore")
        return first_look(*args, **more)

    monkeypatch.setattr(lane_folders, "work_in", work_in)
    started = time.monotonic()
    refused = world.stage.ask("start-implementation", mission=SLUG, wp="WP02", actor="coder")
    assert time.monotonic() - started < LONGEST_S / 10
    assert (looks[0], refused["data"]["reason_code"]) == (2, "uncommitted_work")


@pytest.mark.campaign
def test_blocking_workspaces_do_not_delay_the_approval_of_another(world: World) -> None:
    lanes = ["one", "two", "three", "four"]
    packages = {f"WP0{x}": {"owned_files": [f"{name}/**"]} for x, name in enumerate(lanes, 1)}
    world.stage.write_mission(packages, slug=LATER)
    config = world.stage.root / ".kitty" / "config.toml"
    config.write_text(config.read_text().replace(f"git_timeout_s = {DEADLINE_S}\n", ""))
    paths = {}
    for wp in packages:
        begun = world.stage.done("start-implementation", mission=LATER, wp=wp, actor="coder")
        paths[wp] = Path(begun["workspace_path"])
        world.stage.commit({f"{wp}.txt": "x\n"}, folder=paths[wp])
    this = {"mission": LATER, "wp": "WP01"}
    world.stage.done("transition", **this, actor="coder", to="for_review")
    world.stage.done("start-review", **this, actor="reviewer")
    for wp in ("WP02", "WP03", "WP04"):
        os.mkfifo(paths[wp] / "pipe")
        git(paths[wp], "config", "include.path", "../pipe")
    started = time.monotonic()
    judged = {"to": "approved", "review_result": APPROVED}
    world.stage.done("transition", **this, actor="reviewer", **judged)
    assert time.monotonic() - started < LONGEST_S / 10
