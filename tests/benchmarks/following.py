"""What a worker's check of workspaces costs: without a change, with one, and at the start.

Every workspace is that of a mission of its own, on each of which somebody is at work; beside it stands what the
mirrors cost. Run it with `python -m tests.benchmarks.following`.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from specify_cli.storage.project import Project
from specify_cli.workflow.lane_follower import LaneFollower
from specify_cli.workflow.upkeep import Mirrors
from tests.benchmarks.timing import IDENTITY, runs_wanted, show
from tests.integration.stage import Stage


def main() -> None:
    """Print the medians."""
    runs = runs_wanted(__doc__, usually=20)
    os.environ.update(IDENTITY)
    for count in (1, 100):
        with tempfile.TemporaryDirectory(prefix="spec-kitty-benchmark-") as name:
            _measure(Stage(root=Path(name) / "project"), count, runs=runs)


def _measure(stage: Stage, count: int, *, runs: int) -> None:
    stage.make_repository()
    places = [_begin(stage, f"{number:03}-demo") for number in range(count)]
    project = Project(stage.root)
    following, mirrors = LaneFollower(project=project), Mirrors(project=project)
    show(f"{count}: the first look", _took_ms(following.look), "ms")
    show(f"{count}: the first look at mirrors", _took_ms(mirrors.follow), "ms")
    idle = [_took_ms(following.look) for _ in range(runs)]
    show(f"{count}: nothing has changed", statistics.median(idle), "ms")
    show(f"{count}: no mirror", statistics.median(_took_ms(mirrors.follow) for _ in idle), "ms")
    taken = []
    for number in range(runs):
        stage.commit({"a": f"{number}\n"}, folder=places[0])
        taken.append(_took_ms(following.look))
    show(f"{count}: one has a commit", statistics.median(taken), "ms")


def _begin(stage: Stage, slug: str) -> Path:
    stage.write_mission({"WP01": {}}, slug=slug)
    begun = stage.done("start-implementation", mission=slug, wp="WP01", actor="coder")
    return Path(begun["workspace_path"])


def _took_ms(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
