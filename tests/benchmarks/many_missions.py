"""How long people and orchestrators wait in a project of 400 missions, laid out as public ones are.

Run it with `python -m tests.benchmarks.many_missions`; it prints a table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.timing import scratch_project, show, spec_kitty

README = """# Tasks\n\n```yaml\n---\nwork_package_id: "WP01"\ntitle: "Example"\n---\n```\n"""
LANE = {
    "event_type": "x",
    "event_id": "01KYHYE8F3NZX9J2WFKJ32XB0A",
}


def write_missions(root: Path, count: int) -> None:
    """So many missions, each of one of the shapes that public projects have."""
    for number in range(1, count + 1):
        folder = root / "kitty-specs" / f"{number:03}-mission"
        (folder / "tasks").mkdir(parents=True)
        meta = {"mission_slug": folder.name, "mission_number": number, "target_branch": "main"}
        (folder / "meta.json").write_text(json.dumps(meta))
        if number % 15:
            (folder / "tasks" / "README.md").write_text(README)
        SHAPES[number % len(SHAPES)](folder, number)


def _with_log(folder: Path, number: int) -> None:
    _prompts(folder, number, status="")
    event = {
        "event_id": "01KYHYE8F3NZX9J2WFKJ32XB0A",
        "at": "2026-07-27T14:07:41.539147+00:00",
        "actor": "finalize",
        "mission_slug": folder.name,
        "wp_id": "WP01",
        "from_lane": "planned",
        "to_lane": "done",
        "force": True,
        "reason": "merged",
    }
    (folder / "status.events.jsonl").write_text(f"{json.dumps(LANE)}\n{json.dumps(event)}\n")


def _status_in_header(folder: Path, number: int) -> None:
    _prompts(folder, number, status='lane: "for_review"\n')


def _status_in_folders(folder: Path, number: int) -> None:
    _prompts(folder, number, status="", below="done/")


def _planned(folder: Path, number: int) -> None:
    _prompts(folder, number, status='lane: "planned"\ndependencies: "[]"\n')


SHAPES: tuple[Callable[[Path, int], None], ...] = (
    _with_log,
    _with_log,
    _with_log,
    _planned,
    _status_in_header,
    _status_in_folders,
)


def _prompts(folder: Path, number: int, *, status: str, below: str = "") -> None:
    for package in range(1, 5):
        path = folder / "tasks" / f"{below}WP{package:02}-step.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            f'---\nwork_package_id: "WP{package:02}"\ntitle: Step\n{status}'
            f"owned_files: [src/{number}/{package}/**]\n---\n\nText.\n"
        )


COMMANDS = {
    "doctor": ["doctor"],
    "mission list": ["mission", "list"],
    "status": ["status", "--mission", "004-mission"],
    "status, none chosen": ["status"],
    "mission-state": ["orchestrator-api", "mission-state", "--mission", "1"],
    "list-ready": ["orchestrator-api", "list-ready", "--mission", "004-mission"],
}


def main() -> int:
    """Prints how long each command takes, and how many lines it says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--missions", type=int, default=400, help="make so many, not 400")
    count: int = parser.parse_args().missions
    with scratch_project() as root:
        write_missions(root, count)
        for name, words in COMMANDS.items():
            started = time.perf_counter()
            ended = subprocess.run(
                [*spec_kitty(), *words], cwd=root, env=os.environ, capture_output=True, check=False
            )
            taken = time.perf_counter() - started
            show(f"{count} missions: {name} (exit {ended.returncode})", taken * 1000, "ms")
            show(f"{count} missions: {name}, lines", ended.stdout.count(b"\n"), "")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
