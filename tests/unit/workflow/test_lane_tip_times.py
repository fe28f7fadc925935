"""Signs of life from branches need no call of git unless a branch has moved."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.storage.project import Project
from specify_cli.vcs import git as git_module
from specify_cli.workflow.lane_tip_times import dated_tips

LANE = "kitty/mission-001-lane-a"


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=n", "-c", "user.email=n@e.test", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    git(tmp_path, "init", "-qb", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    git(tmp_path, "branch", LANE)
    return Project(tmp_path.resolve())


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of every call of git."""
    found: list[str] = []
    really = git_module._started

    def noted(command: tuple[str, ...], **how: Any) -> Any:
        found.append(command[-1])
        return really(command, **how)

    monkeypatch.setattr(git_module, "_started", noted)
    return found


@pytest.mark.parametrize("words", [["pack-refs", "--all"], ["gc", "-q"], ["status"]])
def test_git_is_called_once_per_commit(
    project: Project, calls: list[str], words: list[str]
) -> None:
    git(project.root, *words)
    first = dated_tips(project, [LANE])
    assert first[LANE].commit == git(project.root, "rev-parse", LANE)
    assert calls
    calls.clear()
    assert dated_tips(project, [LANE]) == first
    assert calls == []


def test_git_is_called_again_for_a_branch_that_moved(project: Project, calls: list[str]) -> None:
    before = dated_tips(project, [LANE])
    git(project.root, "commit", "-q", "--allow-empty", "-m", "second")
    git(project.root, "branch", "-f", LANE, "main")
    calls.clear()
    after = dated_tips(project, [LANE])
    assert after[LANE].commit == git(project.root, "rev-parse", "main") != before[LANE].commit
    assert calls
    git(project.root, "branch", "-D", LANE)
    assert dated_tips(project, [LANE]) == {}


@pytest.mark.parametrize("words", [["pack-refs", "--all"], ["status"]])
def test_git_is_not_called_for_a_missing_branch(
    project: Project, calls: list[str], words: list[str]
) -> None:
    git(project.root, *words)
    assert dated_tips(project, ["kitty/mission-002-lane-a"]) == {}
    assert calls == []


def symbolic(ref: Path) -> None:
    ref.write_text("ref: refs/heads/main\n")


def damaged(ref: Path) -> None:
    ref.write_text("garbage\n")


def link(ref: Path) -> None:
    ref.unlink()
    ref.symlink_to(ref.parents[1] / "main")


@pytest.mark.parametrize(("spoil", "refuses"), [(symbolic, True), (damaged, True), (link, False)])
def test_git_is_called_for_a_symbolic_damaged_or_linked_ref(
    project: Project, calls: list[str], spoil: Callable[[Path], None], refuses: bool
) -> None:
    dated_tips(project, [LANE])
    spoil(project.root / ".git" / "refs" / "heads" / LANE)
    calls.clear()
    with pytest.raises(StorageFailed) if refuses else nullcontext():
        dated_tips(project, [LANE])
    assert calls


def test_git_is_called_every_time_for_refs_in_reftable_format(
    project: Project, calls: list[str]
) -> None:
    (project.root / ".git" / "reftable").mkdir()
    for _ in range(2):
        calls.clear()
        assert [*dated_tips(project, [LANE])] == [LANE]
        assert calls
