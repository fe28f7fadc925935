"""Commands for people are killed before each of their changes; a repeat completes them.

A change is every call by which Python changes a file, and every start of git.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import sampled
from tests.copies import copied
from tests.integration.crashes.killing import killer
from tests.integration.stage import SLUG, Stage, digest_of_tree

pytestmark = pytest.mark.long

NEVER = 10_000
"""More changes than any command makes."""

STRIDE = 40

OUTLINE = """# Tasks

## WP01 Index

Owned files: src/index/**

Index it.

## WP02 Query

Owned files: src/query/**

Ask it.
"""


def planned(stage: Stage) -> None:
    """A committed mission with two packages."""
    folder = stage.write_mission({})
    (folder / "tasks.md").write_text(OUTLINE)
    stage.done("write-packages", mission=SLUG)
    stage.git("add", "-A", "--", "kitty-specs")
    stage.git("commit", "-q", "--allow-empty", "-m", "all of it")


def merged(stage: Stage) -> None:
    planned(stage)
    stage.approve("WP01", {"src/index/a": "a\n"})
    stage.approve("WP02", {"src/query/a": "a\n"})
    stage.done("accept-mission", mission=SLUG, actor="me")
    stage.done("merge-mission", mission=SLUG, actor="me", policy=None)


def behind(stage: Stage) -> None:
    planned(stage)
    work = stage.done("start-implementation", mission=SLUG, wp="WP02", actor="me")
    stage.commit({"src/query/a": "a\n"}, folder=Path(work["workspace_path"]))
    stage.commit({"other": "new\n"})


COMMANDS: dict[str, tuple[Callable[[Stage], None], tuple[str, ...]]] = {
    "tasks": (
        planned,
        (
            "tasks edit WP02 --title Ask --owns src/ask/**",
            f"tasks add {SLUG} Third --owns src/third/** --prompt Work",
            "tasks remove WP02",
        ),
    ),
    "tidy": (merged, ("mission tidy --yes",)),
    "update": (behind, ("update WP02 --actor me",)),
}
FIRSTS = [*range(30, STRIDE + 1), *range(1, 30)]


def names(folder: Path) -> set[str]:
    """Git's files, except objects, logs and the holder note, which the next change removes."""
    found = set()
    for root, folders, files in os.walk(folder):
        folders[:] = [it for it in folders if it not in {"objects", "spec-kitty", "logs"}]
        found |= {str(Path(root, it).relative_to(folder)) for it in files}
    return {re.sub("/[0-9a-f]{40}$", "", it) for it in found} - {"spec-kitty-at-work"}


def seen(stage: Stage) -> dict[str, Any]:
    """State that must not depend on whether the command was killed."""
    folder = stage.root / "kitty-specs" / SLUG
    events = stage.events() if stage.log().exists() else []
    changing = ("lanes.json", stage.log().name)  # They contain times and ids.
    return {
        "files": {x: y for x, y in digest_of_tree(folder).items() if x not in changing},
        "lanes": json.loads((folder / "lanes.json").read_text())["lanes"],
        "events": [(it["wp_id"], it.get("to_lane")) for it in events],
        "status": stage.git("status", "--porcelain"),
        "commits": sorted(stage.git("log", "--format=%s", "--branches").splitlines()),
        "git": names(stage.root / ".git"),
        "workspaces": sorted(it.name for it in (stage.root / ".worktrees").glob("*")),
    }


def restore(root: Path, saved: Path) -> None:
    for entry in root.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    subprocess.run(["cp", "-a", f"{saved}/.", str(root)], check=True)


def prepared(stage: Stage, prepare: Callable[[Stage], None]) -> None:
    """Prepare in a child process: this one must not have the record open whose files are replaced."""
    child = os.fork()
    if child == 0:
        code = 1
        with contextlib.suppress(BaseException):
            prepare(stage)
            code = 0
        os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("name", "first"),
    # Each build kills a sample of them.
    sampled([(it, first) for it in COMMANDS for first in FIRSTS], every=len(COMMANDS) * STRIDE),
)
def test_repeated_command_completes_a_killed_one(
    stage: Stage, tmp_path: Path, name: str, first: int
) -> None:
    prepare, lines = COMMANDS[name]
    prepared(stage, prepare)
    saved = copied(stage.root, tmp_path / "saved")
    run_until = killer(stage, refusals=True)
    for words in map(str.split, lines):
        restore(stage.root, saved)
        assert run_until(NEVER, words) == 0
        undisturbed = seen(stage)
        for step in count(first, STRIDE):
            restore(stage.root, saved)
            if run_until(step, words) == 0:
                break
            # What is removed cannot be removed again.
            is_gone = "remove" in words and not [*stage.root.glob("kitty-specs/*/tasks/WP02*")]
            assert run_until(NEVER, ["status", "--mission", SLUG]) == 0
            assert run_until(NEVER, words) == is_gone, (words, step)
            assert seen(stage) == undisturbed, (words, step)
