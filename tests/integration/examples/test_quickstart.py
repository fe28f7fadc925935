"""The quickstart shows a mission from planned to merged, or says why it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "examples"
PACKAGES = ("WP01", "WP02", "WP03")


def run_quickstart(
    folder: Path, *options: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the quickstart with a scratch folder below `folder`."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / "quickstart.py"), *options],
        env=os.environ | {"TMPDIR": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the quickstart prints; asserts that it leaves nothing behind."""
    folder = tmp_path_factory.mktemp("quickstart")
    # Variables of another project must not affect it.
    done = run_quickstart(folder, SPECIFY_REPO_ROOT="/nowhere", GIT_DIR="/nowhere")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*folder.iterdir()] == []
    return done.stdout


def part(shown: str, begin: str) -> str:
    """The output of the command, up to the next one."""
    _, _, rest = shown.partition(f"$ {begin}")
    assert rest, f"{begin} was not shown"
    return rest.partition("\n$ ")[0]


def test_board_shows_three_packages_done(shown: str):
    rows = [line.split() for line in part(shown, "spec-kitty status").splitlines()]

    assert [row[:2] for row in rows if row and row[0] in PACKAGES] == [
        [wp, "done"] for wp in PACKAGES
    ]


def test_history_shows_a_merge_of_each_execution_lane(shown: str):
    history = part(shown, "git log --graph --oneline")

    assert [lane for lane in ("lane-a", "lane-b", "lane-c") if f"({lane})" in history] == [
        "lane-a",
        "lane-b",
        "lane-c",
    ]


def test_journal_shows_one_rejected_review_and_the_rework(shown: str):
    _, _, journal = shown.partition("The journal")
    moves = [line.partition("WP02 ")[2].strip() for line in journal.splitlines() if "WP02 " in line]

    assert moves == [
        "done",
        "planned -> in_progress",
        "in_progress -> for_review",
        "for_review -> in_review",
        "in_review -> in_progress",
        "in_progress -> for_review",
        "for_review -> in_review",
        "in_review -> approved",
    ]


def test_two_packages_run_in_parallel_and_the_third_waits_for_both(shown: str):
    started = {wp: shown.index(f"{wp}      started") for wp in PACKAGES}
    approved = {wp: shown.index(f"{wp}      in_review -> approved") for wp in PACKAGES}

    assert max(started["WP01"], started["WP02"]) < min(approved["WP01"], approved["WP02"])
    assert started["WP03"] > max(approved["WP01"], approved["WP02"])


def test_merged_program_runs_on_main(shown: str):
    assert "['One fish', 'Red fish']" in part(shown, "python3 -B search.py")


def test_missing_git_is_reported(tmp_path: Path):
    (tmp_path / "scratch").mkdir()

    done = run_quickstart(tmp_path / "scratch", PATH=str(tmp_path))

    assert done.returncode == 1
    assert "git is not installed" in done.stderr
    assert [*(tmp_path / "scratch").iterdir()] == []


def test_keep_option_keeps_the_repository(tmp_path: Path):
    (tmp_path / "scratch").mkdir()

    run_quickstart(tmp_path / "scratch", "--keep", PATH=str(tmp_path))

    assert [*(tmp_path / "scratch").glob("*/search")] != []
