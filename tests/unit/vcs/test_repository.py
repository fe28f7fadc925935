"""Tests of facts about a repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.repository import Repository
from tests.unit.vcs.conftest import Project


def test_find_returns_none_outside_a_repository(tmp_path: Path) -> None:
    assert Repository.find(tmp_path) is None


def test_repository_is_found_from_a_folder_inside_it(project: Project) -> None:
    folder = project.write("deep/er/file", "x").parent
    assert Repository.find(folder) == project.repo


def test_main_checkout_is_found_from_a_linked_worktree(project: Project) -> None:
    space = project.lane("lane-a")
    assert Repository.find(space.path) == project.repo


def test_main_checkout_is_found_under_a_separate_git_folder(project: Project) -> None:
    elsewhere = project.root.parent / "elsewhere"
    project.git("init", "-q", f"--separate-git-dir={elsewhere}")
    assert Repository.find(project.root) == project.repo


def test_symlinked_root_is_the_same_repository(project: Project, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(project.root)
    assert Repository.find(link) == project.repo


def test_newline_in_the_root_is_part_of_its_name(make_project: Callable[[str], Project]) -> None:
    odd = make_project("new\nline \u00fc")
    assert Repository.find(odd.root) == odd.repo


def test_bare_repository_is_refused_with_git_failed(project: Project, tmp_path: Path) -> None:
    project.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    with pytest.raises(GitFailed):
        Repository.find(tmp_path / "bare")


def test_inherited_git_variables_are_ignored(
    project: Project, empty: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(empty.root / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(empty.root / "index"))
    assert Repository.find(project.root) == project.repo
    assert project.repo.has_commits()


def test_unborn_repository_has_a_branch_and_no_commit(empty: Project) -> None:
    assert not empty.repo.has_commits()
    assert empty.repo.current_branch() == "main"
    assert empty.repo.branch_tip("main") is None


def test_detached_head_has_no_branch_and_targets_main(project: Project) -> None:
    project.git("checkout", "-q", "--detach")
    assert project.repo.current_branch() is None
    assert project.repo.default_target() == "main"


def test_current_branch_is_the_default_target(project: Project) -> None:
    project.git("checkout", "-q", "-b", "topic/x")
    assert project.repo.default_target() == "topic/x"


def test_ancestry_and_new_commits_are_reported(project: Project) -> None:
    first = project.git("rev-parse", "HEAD")
    second = project.commit({"a.txt": "2\n"})
    assert project.repo.is_ancestor(first, second)
    assert not project.repo.is_ancestor(second, first)
    assert project.repo.commits_beyond(second, [first]) == [second]
    with pytest.raises(GitFailed):
        project.repo.is_ancestor("0" * 40, second)


def test_tag_of_the_same_name_is_not_taken_for_the_branch(project: Project) -> None:
    project.git("tag", "main")
    tip = project.commit({"a.txt": "2\n"})
    assert project.repo.branch_tip("main") == tip


def test_missing_git_program_raises_git_failed(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed):
        Git(folder=project.root).run("status")
