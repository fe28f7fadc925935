"""A mission that has long been at work, written to disk as the host would have left it."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

SLUG = "001-large"
LANES = ("planned", "claimed", "in_progress", "for_review", "in_review", "approved")
MOVES = tuple(pairwise(LANES))


def write_mission(
    root: Path, *, packages: int, slug: str = SLUG, number: int = 1, is_new: bool = False
) -> int:
    """Write a mission to the project; return how many events its log has.

    If it `is_new`, no work has begun, and no package depends on another.
    """
    folder = root / "kitty-specs" / slug
    (folder / "tasks").mkdir(parents=True)
    identity = {
        "mission_slug": slug,
        "mission_number": number,
        "mission_type": "software-dev",
        "title": "Large",
        "target_branch": "main",
    }
    (folder / "meta.json").write_text(json.dumps(identity), encoding="utf-8")
    for package in range(1, packages + 1):
        (folder / "tasks" / f"WP{package:03}.md").write_text(
            _prompt(package, is_new=is_new), encoding="utf-8"
        )
    if is_new:
        return 0
    events = [it for package in range(1, packages + 1) for it in _events(package, slug)]
    log = "".join(json.dumps(event) + "\n" for event in events)
    (folder / "status.events.jsonl").write_text(log, encoding="utf-8")
    return len(events)


def _prompt(number: int, *, is_new: bool) -> str:
    after = f"WP{number - 1:03}" if number > 1 and not is_new else ""
    return (
        f"---\nwork_package_id: WP{number:03}\ntitle: Package {number}\n"
        f"dependencies: [{after}]\nowned_files: [src/part{number}/**]\n"
        f"subtasks: [T{number:04}]\n---\n\n# Package {number}\n\nWhat is to be done.\n"
    )


def _events(number: int, slug: str) -> list[dict[str, object]]:
    return [
        {
            "event_id": f"{number * len(MOVES) + step:026}",
            "at": f"2030-01-01T{number // 60:02}:{number % 60:02}:{step:02}+00:00",
            "actor": "nightly",
            "mission_slug": slug,
            "wp_id": f"WP{number:03}",
            "from_lane": before,
            "to_lane": after,
            "force": False,
            "reason": None,
            "review_ref": None,
            "evidence": None,
            "execution_mode": "worktree",
            "policy_metadata": None,
            "correlation_id": f"request-{number}-{step}",
        }
        for step, (before, after) in enumerate(MOVES)
    ]
