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
    """Write that many missions, each in one of the shapes that public projects have."""
    for number in range(1, count + 1):
        folder = root / "kitty-specs" / f"{number:03}-mission"
        (folder / "tasks").mkdir(parents=True)
        meta = {"mission_slug": folder.name, "mission_number": number, "target_branch": "main"}
        (folder / "meta.json").write_text(json.dumps(meta))
        if number % 15:
            (folder / "tasks" / "README.md").write_text(README)
        _tasks_md(folder)
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


def _with_structured_actors(folder: Path, number: int) -> None:
    """Write a log whose actors are objects, beside a `lanes.json` of an older version that names another mission."""
    _prompts(folder, number, status="")
    actor = {"model": None, "profile": "implementer", "role": "implementer", "tool": "codex"}
    begun = {"mission_slug": folder.name, "force": False, "reason": None, "review_ref": None}
    events: tuple[dict[str, object], ...] = (
        {"actor": "finalize", **begun, "from_lane": "planned", "to_lane": "claimed"},
        {"actor": actor, "kind": "annotation", "delta": {"role": "implementer", "shell_pid": 1}},
        {"actor": actor, **begun, "from_lane": "claimed", "to_lane": "in_progress"},
    )
    lines = (
        {
            "event_id": f"01KYHYE8F3NZX9J2WFKJ32XB{place:02}",
            "at": f"2026-07-27T14:{place:02}:41.539147+00:00",
            "wp_id": "WP01",
            **event,
        }
        for place, event in enumerate(events, start=1)
    )
    log = "".join(f"{json.dumps(line)}\n" for line in lines)
    (folder / "status.events.jsonl").write_text(log)
    _lanes_of_an_older_version(folder)


def _lanes_of_an_older_version(folder: Path) -> None:
    content = {
        "version": 1,
        "feature_slug": "001-demo",
        "mission_id": "001-demo",
        "mission_branch": f"kitty/mission-{folder.name}",
        "target_branch": "main",
        "lanes": [{"lane_id": "lane-a", "wp_ids": ["WP01"], "write_scope": ["one/**"]}],
    }
    (folder / "lanes.json").write_text(json.dumps(content))


def _stated_in_tasks_md(folder: Path, number: int) -> None:
    """Write prompts without the dependencies that `tasks.md` states."""
    _prompts(folder, number, status="")
    _tasks_md(folder, stated="Depends on WP01 (the model comes first)")


def _tasks_md(folder: Path, *, stated: str = "None (starting package)") -> None:
    """Write the file as the public tool does; `stated` are the dependencies of the packages after the first."""
    sections = (
        f"## Work Package WP{package:02}: Step (Priority: P{package})\n\n**Goal**: the model.\n\n"
        f"### Included Subtasks\n- [ ] T{package:03} Write it\n\n"
        f"### Dependencies\n- {stated if package > 1 else 'None (starting package)'}.\n\n"
        for package in range(1, 5)
    )
    (folder / "tasks.md").write_text(f"# Work packages: demo\n\n{''.join(sections)}")


SHAPES: tuple[Callable[[Path, int], None], ...] = (
    _with_log,
    _with_log,
    _with_log,
    _planned,
    _status_in_header,
    _status_in_folders,
    _with_structured_actors,
    _stated_in_tasks_md,
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
    """Print how long each command takes, and how many lines it prints."""
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
