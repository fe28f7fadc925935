"""A commit in a worktree needs four folders of the project's `.git`, and can reach no more of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import IDENTITY
from tests.integration.sandbox import bubblewrap, gits
from tests.integration.stage import Stage
from tests.patience import LONGEST_S

COMMIT = "cd /tree && echo work >work.txt && git add work.txt && git commit -q -m work"
BRANCH = "kitty/mission-001-search-lane-a"


@pytest.fixture
def worktree(stage: Stage) -> Path:
    """A worktree of a lane, made as the host makes it."""
    tree = stage.root / ".worktrees" / "001-search-lane-a"
    stage.git("worktree", "add", "-q", "-b", BRANCH, str(tree))
    return tree


def run(stage: Stage, tree: Path, script: str, *, written: tuple[str, ...] = gits.WRITTEN) -> int:
    """The exit code of the script in a sandbox with the worktree at another path."""
    empty = stage.root.parent / "empty"
    inbox, outbox = stage.root.parent / "inbox", stage.root.parent / "outbox"
    for box in (inbox, outbox):
        box.mkdir(exist_ok=True)
    empty.touch()
    identity = [w for name, value in IDENTITY.items() for w in ("--setenv", name, value)]
    words = ["--bind", str(tree), "/tree", *gits.options(stage.root, empty=empty, written=written)]
    with bubblewrap.start(inbox, outbox, [*words, *identity, "sh", "-ec", script]) as program:
        program.communicate(timeout=LONGEST_S)
    return program.returncode


def test_a_commit_is_made_and_is_there_outside(stage: Stage, worktree: Path):
    assert run(stage, worktree, COMMIT) == 0

    assert stage.git("log", "-1", "--format=%s", BRANCH) == "work"
    assert stage.git("status", "--porcelain", folder=worktree) == ""


@pytest.mark.parametrize("missing", gits.WRITTEN)
def test_no_commit_is_made_without_any_one_of_the_four(stage: Stage, worktree: Path, missing: str):
    before = stage.git("rev-parse", BRANCH)
    written = tuple(name for name in gits.WRITTEN if name != missing)

    assert run(stage, worktree, COMMIT, written=written) != 0
    assert stage.git("rev-parse", BRANCH) == before


@pytest.mark.parametrize(
    "script",
    [
        "cd /tree && git update-ref refs/heads/main HEAD",
        "cd /tree && git config core.fsmonitor /tree/evil",
        "cd /tree && git branch other",
        "echo '[core]' >{git}/config",
        "rm {git}/packed-refs",
        "grep -r url {git}/config",
    ],
)
def test_what_would_pass_by_the_host_is_refused(stage: Stage, worktree: Path, script: str):
    stage.git("config", "remote.origin.url", "https://person:word@example.invalid/")
    stage.git("pack-refs", "--all")
    stage.commit({"more.txt": "more\n"})
    git = stage.root / ".git"
    before = (stage.git("show-ref"), (git / "config").read_bytes())

    assert run(stage, worktree, f"({COMMIT}); {script}".format(git=git)) != 0

    assert (git / "config").read_bytes() == before[1]
    assert stage.git("rev-parse", "main") in before[0]
    assert (git / "packed-refs").exists()


def test_a_hook_that_is_planted_stays_inside(stage: Stage, worktree: Path):
    hooks = stage.root / ".git" / "hooks"
    before = sorted(hooks.iterdir())

    run(stage, worktree, f"echo evil >{hooks}/post-checkout; {COMMIT}")

    assert sorted(hooks.iterdir()) == before
