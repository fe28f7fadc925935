"""What it costs to take commits in from a workspace, and to see uncommitted work in it.

Beside each stands what git alone takes, in one run: `git fetch` of a trusted repository, `git status`.
Run it with `python -m tests.benchmarks.intake`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from specify_cli.vcs.sandbox import sandbox_for
from specify_cli.vcs.uncommitted_changes import uncommitted_changes
from tests.benchmarks.timing import IDENTITY, runs_wanted, show
from tests.integration.intake.workspaces import BRANCH, Scene


def main() -> None:
    """Print the medians and the ratios."""
    runs = runs_wanted(__doc__, usually=15)
    os.environ.update(IDENTITY)
    with tempfile.TemporaryDirectory(prefix="spec-kitty-benchmark-") as name:
        scene = Scene.make(Path(name))
        shutil.copytree(scene.project, scene.root / "trusting")
        sandbox_for(scene.workspace)  # Determined once a process, not at each intake.
        times: dict[str, list[float]] = {}
        for number in range(runs + 1):
            scene.work({f"file{number}.txt": f"{number}\n"})
            for what, act in _acts(scene).items():
                started = time.perf_counter()
                act()
                times.setdefault(what, []).append((time.perf_counter() - started) * 1000)
    # The first turn warms the caches.
    medians = {what: statistics.median(taken[1:]) for what, taken in times.items()}
    for what, median in medians.items():
        show(what, median, "ms")
    show("intake beside git fetch", medians["intake"] / medians["git fetch"], "x")
    show("intake of nothing beside it", medians["intake, nothing new"] / medians["git fetch"], "x")
    show("uncommitted beside git status", medians["uncommitted"] / medians["git status"], "x")


def _acts(scene: Scene) -> dict[str, Callable[[], object]]:
    trusted = ["git", "-C", str(scene.root / "trusting"), "fetch", "-q", str(scene.workspace)]
    status = ["git", "-C", str(scene.workspace), "status", "--porcelain"]
    return {
        "git fetch": lambda: subprocess.run([*trusted, f"+{BRANCH}:refs/trusted/x"], check=True),
        "intake": scene.take,
        "intake, nothing new": scene.take,
        "git status": lambda: subprocess.run(status, check=True, stdout=subprocess.DEVNULL),
        "uncommitted": lambda: uncommitted_changes(scene.repo, scene.workspace, commit=scene.base),
    }


if __name__ == "__main__":
    main()
