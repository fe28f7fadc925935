"""`python -m tests.benchmarks.execution_lanes`: what a start, a submission and a check by the worker cost.

Each beside `git worktree add` in the same run, in a small repository, in one of 3,000 files and 50 MB, and in
one of 100,000 refs, with objects that are shared and with objects that are copied; and what is on the disk
afterwards. A start and a submission are whole requests, answered in this process.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from specify_cli.storage.project import Project
from specify_cli.workflow.lane_follower import LaneFollower
from tests.benchmarks.timing import IDENTITY, runs_wanted, scratch_project, show
from tests.benchmarks.workspaces import KINDS
from tests.integration.stage import Stage

RUNS = 3
WORKTREE = "git worktree add"


def main() -> int:
    """Print the table."""
    runs = runs_wanted(__doc__, usually=RUNS)
    os.environ.update(IDENTITY)
    for kind, fill in KINDS.items():
        with scratch_project() as root:
            fill(root)
            _measure(Stage(root=root), kind, runs)
    return 0


def _measure(stage: Stage, kind: str, runs: int) -> None:
    times: dict[str, list[float]] = {}
    sizes: dict[str, float] = {}

    def timed(name: str, act: Callable[[], object]) -> None:
        started = time.perf_counter()
        act()
        times.setdefault(name, []).append(time.perf_counter() - started)

    for number in range(runs + 1):
        place = stage.root / ".worktrees" / f"linked-{number}"
        add = ["git", "-C", str(stage.root), "worktree", "add", "-q", "--detach", str(place)]
        timed(WORKTREE, lambda add=add: subprocess.run(add, check=True))  # type: ignore[misc]
        sizes[WORKTREE] = _kib(stage.root / ".git" / "worktrees" / place.name)
        stage.git("worktree", "remove", "--force", str(place))
        for objects in ("share", "copy"):
            _lane(stage, f"{number:03}-{objects}", objects, timed=timed, sizes=sizes)
    floor = statistics.median(times[WORKTREE][1:])
    for name, taken in times.items():
        median = statistics.median(taken[1:])
        show(f"{kind}: {name} ({median / floor:.2f} x)", median * 1000, "ms")
    for name, size in sizes.items():
        show(f"{kind}: on the disk, {name}", size, "KiB")


def _lane(
    stage: Stage,
    slug: str,
    objects: str,
    *,
    timed: Callable[[str, Callable[[], object]], None],
    sizes: dict[str, float],
) -> None:
    config = stage.root / ".kitty" / "config.toml"
    config.parent.mkdir(exist_ok=True)
    config.write_text(f'workspace_objects = "{objects}"\n')
    stage.write_mission({"WP01": {}}, slug=slug)
    who = {"mission": slug, "wp": "WP01", "actor": "coder"}
    timed(f"start, {objects}", lambda: stage.done("start-implementation", **who))
    place = stage.root / ".worktrees" / f"{slug}-lane-a"
    following = LaneFollower(project=Project(stage.root))
    following.look()
    timed(f"look, nothing new, {objects}", following.look)
    stage.commit({"followed.txt": f"{slug}\n"}, folder=place)
    timed(f"look, a commit, {objects}", following.look)
    stage.commit({"handed-in.txt": f"{slug}\n"}, folder=place)
    ready = {"to": "for_review", "subtasks_complete": True}
    timed(f"submission, {objects}", lambda: stage.done("transition", **who, **ready))
    mirror = stage.root / ".worktrees" / ".mirror" / f"{slug}.git"
    sizes[f"workspace, {objects}"] = _kib(place / ".git")
    sizes[f"mirror, {objects}"] = _kib(mirror)
    shutil.rmtree(place)
    shutil.rmtree(mirror)


def _kib(folder: Path) -> float:
    files = (it for it in folder.rglob("*") if it.is_file() and not it.is_symlink())
    return sum(it.stat().st_blocks * 512 for it in files) / 1024


if __name__ == "__main__":
    sys.exit(main())
