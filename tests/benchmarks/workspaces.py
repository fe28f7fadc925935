"""`python -m tests.benchmarks.workspaces`: what a workspace costs beside `git worktree add`.

Each is made in turn, in the same run, in a small repository, in one of 3,000 files and 50 MB, and in
one of 100,000 refs. `put on the disk` is the wait for the disk, which `git worktree add` leaves out.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from specify_cli.files import durability
from specify_cli.vcs import mirrors
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspaces import Objects, WorkspaceSpec, make
from tests.benchmarks.timing import runs_wanted, scratch_project, show

RUNS = 3
MANY_FILES, MANY_REFS = 3000, 100_000
FILE_BYTES = 17_000
LANE = "kitty/mission-demo-lane-a"
WORKTREE = "git worktree add"


def main() -> int:
    """Print the table."""
    runs = runs_wanted(__doc__, usually=RUNS)
    for name, fill in KINDS.items():
        with scratch_project() as root:
            fill(root)
            _measure(root, name, runs)
    return 0


def _many_files(root: Path) -> None:
    source = random.Random(11)  # Random content, which git cannot compress.
    for number in range(MANY_FILES):
        file = root / f"dir{number % 60:02}" / f"{number:04}.bin"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(source.randbytes(FILE_BYTES))
    _git(root, "add", "--all")
    _git(root, "commit", "-q", "-m", "Many files")
    _git(root, "gc", "-q")


def _many_refs(root: Path) -> None:
    head = _git(root, "rev-parse", "HEAD")
    names = (f"refs/heads/many/{number:06}" for number in range(MANY_REFS))
    orders = "".join(f"create {name} {head}\n" for name in names)
    _git(root, "update-ref", "--stdin", text=orders)
    _git(root, "pack-refs", "--all")


KINDS: Mapping[str, Callable[[Path], None]] = {
    "small": lambda root: None,
    "3,000 files": _many_files,
    "100,000 refs": _many_refs,
}


def _measure(root: Path, kind: str, runs: int) -> None:
    waits: list[float] = []
    times: dict[str, list[float]] = {WORKTREE: []}
    times |= {it.value: [] for it in Objects} | {"mirror": [], "mirror, unchanged": []}
    with _timed(waits):
        for _ in range(runs + 1):
            for name, act, undo in _turns(root):
                waits.clear()
                started = time.perf_counter()
                act()
                times[name].append(time.perf_counter() - started - sum(waits))
                if name != WORKTREE and waits:
                    times.setdefault(f"{name}: put on the disk", []).append(sum(waits))
                undo()
    medians = {name: statistics.median(taken[1:]) for name, taken in times.items() if taken[1:]}
    for name, median in medians.items():
        ratio = median / medians[WORKTREE]
        show(f"{kind}: {name} ({ratio:.2f} x)", median * 1000, "ms")


def _turns(root: Path) -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    commit = _git(root, "rev-parse", "HEAD")
    place, mirror = root / ".worktrees" / "demo-lane-a", root / ".worktrees/.mirror/demo.git"
    repo = Repository(root=root)

    def discard(path: Path) -> None:
        shutil.rmtree(path)

    def forget() -> None:
        _git(root, "worktree", "remove", "--force", str(place))
        _git(root, "branch", "-D", LANE)

    add = ["git", "-C", str(root), "worktree", "add", "-q", "-b", LANE, str(place), commit]
    yield WORKTREE, lambda: subprocess.run(add, check=True), forget
    for objects in Objects:
        order = WorkspaceSpec(
            path=place,
            branch=LANE,
            commit=commit,
            upstream="main",
            branches={"main": commit},
            mirror=mirror,
            objects=objects,
        )
        yield objects.value, lambda order=order: make(repo, order), lambda: discard(place)  # type: ignore[misc]
    yield (
        "mirror",
        lambda: mirrors.update(repo, mirror, ["main"], objects=Objects.COPIED),
        lambda: None,
    )
    yield (
        "mirror, unchanged",
        lambda: mirrors.update(repo, mirror, ["main"], objects=Objects.COPIED),
        lambda: discard(mirror),
    )


@contextmanager
def _timed(waits: list[float]) -> Iterator[None]:
    """Add the time of each wait for the disk to `waits`."""
    real = durability.sync_all

    def timed() -> None:
        started = time.perf_counter()
        real()
        waits.append(time.perf_counter() - started)

    durability.sync_all = timed
    try:
        yield
    finally:
        durability.sync_all = real


def _git(root: Path, *args: str, text: str | None = None) -> str:
    command = ["git", "-C", str(root), *args]
    done = subprocess.run(command, check=True, capture_output=True, input=os.fsencode(text or ""))
    return os.fsdecode(done.stdout).strip()


if __name__ == "__main__":
    sys.exit(main())
