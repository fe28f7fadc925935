"""`tasks finalize` is killed before each of its changes: no prompt is half written, a repeat completes it."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.crashes.killing import killer
from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long

TASKS = "## WP01 A\n\n## WP02 B\n\nDepends on: WP01\n\n## WP03 C\n\nDepends on: WP02\nOwned files: c/**\n"
WORDS = ["tasks", "finalize", SLUG]


def prompts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (folder / "tasks").glob("WP*.md")}


def restore(folder: Path, texts: dict[str, str]) -> None:
    (folder / "lanes.json").unlink(missing_ok=True)
    for name, text in texts.items():
        (folder / "tasks" / name).write_text(text)


@pytest.mark.parametrize("first", sampled([1, 2, 3], every=3))
def test_killed_finalize_leaves_each_prompt_old_or_new_and_a_repeat_completes_it(
    stage: Stage, first: int
) -> None:
    folder = stage.write_mission({"WP01": {}, "WP02": {}, "WP03": {}})
    (folder / "tasks.md").write_text(TASKS)
    before = prompts(folder)
    assert stage.run(*WORDS).exit_code == 0
    after = prompts(folder)
    assert [x for x in sorted(before) if before[x] != after[x]] == sorted(before)[1:]

    run_until = killer(stage)
    seen = set()
    for step in count(first, 3):
        restore(folder, before)
        code = run_until(step, WORDS)
        now = prompts(folder)
        assert all(text in (before[name], after[name]) for name, text in now.items())
        seen.add(sum(now[name] != before[name] for name in now))
        assert run_until(10_000, WORDS) == 0
        assert prompts(folder) == after
        assert not [x for x in (folder / "tasks").iterdir() if x.name not in after]
        if code == 0:
            break
    assert {0, 2} <= seen <= {0, 1, 2}
