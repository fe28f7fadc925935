"""Each layout of a repository works, or is refused with the same message by every command."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.stage import POLICY, SLUG, Stage, digest_of_tree
from tests.patience import LONGEST_S

COMMANDS = (
    "init",
    "status",
    "doctor",
    "specify hello",
    "plan",
    "merge",
    "mailbox serve --once",
    "mailbox status",
    "orchestrator-api mission-state --mission 001",
    "implement WP01 --mission 001",
    f"orchestrator-api start-implementation --mission 001 --wp WP01 --actor coder --policy {shlex.quote(json.dumps(POLICY))}",
    "orchestrator-api accept-mission --mission 001 --actor coder",
    "orchestrator-api merge-mission --mission 001",
)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, timeout=LONGEST_S
    )
    return os.fsdecode(done.stdout).strip()


def host(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "specify_cli", *words],
        cwd=folder,
        check=False,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        stdin=subprocess.DEVNULL,
        timeout=LONGEST_S,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    (root / "a.txt").write_text("a\n")
    git(root, "add", "a.txt")
    git(root, "commit", "-q", "-m", "first")
    return root


def hidden_bare(source: Path) -> list[Path]:
    top = source.parent / "hidden"
    top.mkdir()
    git(top, "clone", "-q", "--bare", str(source), ".bare")
    (top / ".git").write_text("gitdir: ./.bare\n")
    git(top, "worktree", "add", "-q", "main", "main")
    return [top, top / ".bare", top / "main"]


def bare_in_dot_git(source: Path) -> list[Path]:
    top = source.parent / "dotgit"
    git(source.parent, "clone", "-q", "--bare", str(source), str(top / ".git"))
    git(top, "worktree", "add", "-q", "main", "main")
    return [top, top / "main"]


def bare_beside(source: Path) -> list[Path]:
    bare = source.parent / "x.git"
    git(source.parent, "clone", "-q", "--bare", str(source), str(bare))
    git(bare, "worktree", "add", "-q", "../beside", "-b", "one")
    git(bare, "worktree", "add", "-q", "below", "-b", "two")
    return [bare, bare / "refs", source.parent / "beside", bare / "below"]


def sparse_bare(source: Path) -> list[Path]:
    """A bare repository with a sparse worktree, where git moves `core.bare` to another file."""
    bare = source.parent / "sparse.git"
    git(source.parent, "clone", "-q", "--bare", str(source), str(bare))
    git(bare, "worktree", "add", "-q", "../sparse", "-b", "one")
    git(source.parent / "sparse", "sparse-checkout", "init", "--cone")
    (bare / ".git").write_text("gitdir: .\n")
    return [bare, source.parent / "sparse"]


def worktree_of_separate_git_folder(source: Path) -> list[Path]:
    top = source.parent / "separate"
    apart = source.parent / "apart"
    git(source.parent, "clone", "-q", f"--separate-git-dir={apart}", str(source), str(top))
    git(top, "worktree", "add", "-q", "../linked", "-b", "one")
    return [source.parent / "linked"]


@pytest.mark.parametrize(
    "layout",
    sampled(
        [bare_beside, hidden_bare, bare_in_dot_git, sparse_bare, worktree_of_separate_git_folder],
        every=5,
    ),
)
def test_commands_without_a_main_checkout_are_refused_and_write_nothing(
    source: Path, layout: Callable[[Path], list[Path]]
) -> None:
    folders = layout(source)
    before = digest_of_tree(source.parent)
    for number, folder in enumerate(folders):
        # All commands only in one folder: their answers do not depend on the folder.
        for command in COMMANDS if number == len(folders) - 1 else COMMANDS[:1]:
            done = host(folder, *shlex.split(command))
            told = done.stdout + done.stderr
            assert done.returncode in (1, 2), (folder, command, told)
            assert "MISSION_NOT_FOUND" in told, (folder, command, told)
            assert "Traceback" not in told
            assert "git clone" in told
            assert "spec-kitty init" not in told
    assert digest_of_tree(source.parent) == before


def test_advised_clone_command_works(source: Path) -> None:
    folder = hidden_bare(source)[-1]
    done = host(folder, "orchestrator-api", "mission-state", "--mission", "001")
    advice = json.loads(done.stdout)["data"]["message"].partition("make one with: ")[2]
    *clone, place = shlex.split(advice)
    git(folder, *clone[1:], place)
    assert host(Path(place), "init").returncode == 0
    assert host(Path(place), "specify", "hello").returncode == 0


def detached(source: Path) -> Path:
    git(source, "checkout", "-q", "--detach")
    return source


def plain(source: Path, place: Path) -> Path:
    git(source, "clone", "-q", str(source), str(place))
    return place


def shallow(source: Path) -> Path:
    git(source, "commit", "-q", "--allow-empty", "-m", "second")
    place = source.parent / "shallow"
    git(source, "clone", "-q", "--depth=1", f"file://{source}", str(place))
    return place


def sha256(source: Path) -> Path:
    place = source.parent / "sha256"
    git(source, "init", "-q", "-b", "main", "--object-format=sha256", str(place))
    (place / "a.txt").write_text("a\n")
    git(place, "add", "a.txt")
    git(place, "commit", "-q", "-m", "first")
    return place


def separate_git_folder(source: Path) -> Path:
    place = source.parent / "separate"
    apart = source.parent / "apart"
    git(source, "clone", "-q", f"--separate-git-dir={apart}", str(source), str(place))
    return place


def submodule(source: Path) -> Path:
    outer = source.parent / "outer"
    git(source, "init", "-q", "-b", "main", str(outer))
    git(outer, "-c", "protocol.file.allow=always", "submodule", "-q", "add", str(source), "inner")
    return outer / "inner"


def named(name: bytes) -> Callable[[Path], Path]:
    return lambda source: plain(source, source.parent / os.fsdecode(name))


def sparse(source: Path) -> Path:
    place = plain(source, source.parent / "sparse-clone")
    git(place, "sparse-checkout", "set", "src")
    return place


@pytest.mark.parametrize(
    "layout",
    sampled(
        [
            sha256,
            detached,
            separate_git_folder,
            shallow,
            submodule,
            sparse,
            named(b"new\nline"),
            named(b"with space"),
            named(b"caf\xe9"),
            named(b"-dash"),
        ],
        every=2,
    ),
)
def test_mission_can_be_merged_in_each_repository_layout(
    source: Path, layout: Callable[[Path], Path]
) -> None:
    stage = Stage(root=layout(source))
    stage.write_mission({"WP01": {"owned_files": ["src/**"]}})
    stage.approve("WP01", {"src/work.py": "work\n"})
    stage.done("accept-mission", mission=SLUG, actor="reviewer")
    stage.done("merge-mission", mission=SLUG)
    assert git(stage.root, "show", "main:src/work.py") == "work"
    # With a detached HEAD the merge is recorded only on the target, so the event log differs here.
    outside = ("--untracked-files=no", "--", ".", ":!kitty-specs")
    assert git(stage.root, "status", "--porcelain", *outside) == ""
    for command in ("status", "doctor"):
        assert "Traceback" not in host(stage.root, command).stderr
    stage.end()
