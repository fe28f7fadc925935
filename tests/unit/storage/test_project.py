from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from specify_cli.errors import MissionNotFound
from specify_cli.storage.project import ROOT_VARIABLE, find_project


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit and a linked worktree beside it."""
    root = tmp_path / "main"
    root.mkdir()
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    git(root, "worktree", "add", "-q", str(tmp_path / "linked"))
    return root


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("mark", ["kitty-specs", ".kittify", ".git"])
def test_a_project_is_found_upward_by_any_of_its_marks(tmp_path: Path, mark: str) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / mark).mkdir()
    assert find_project(deep, {}).root == tmp_path.resolve()


def test_the_variable_wins_over_the_working_directory(tmp_path: Path, checkout: Path) -> None:
    other = tmp_path / "other"
    (other / "kitty-specs").mkdir(parents=True)
    assert find_project(checkout, {ROOT_VARIABLE: str(other)}).root == other
    assert find_project(checkout, {ROOT_VARIABLE: ""}).root == checkout


def test_inside_a_linked_worktree_the_project_is_the_main_checkout(
    tmp_path: Path, checkout: Path
) -> None:
    linked = tmp_path / "linked"
    (linked / "kitty-specs" / "001-x").mkdir(parents=True)
    for place in (linked, linked / "kitty-specs" / "001-x"):
        assert find_project(place, {}).root == checkout
        assert find_project(tmp_path, {ROOT_VARIABLE: str(place)}).root == checkout


def test_a_submodule_is_a_project_of_its_own(tmp_path: Path) -> None:
    git_folder = tmp_path / "modules" / "sub"
    git_folder.mkdir(parents=True)
    sub = tmp_path / "sub"
    sub.mkdir()
    (sub / ".git").write_text("gitdir: ../modules/sub\n")
    assert find_project(sub, {}).root == sub


@pytest.mark.parametrize("content", [b"", b"gitdir: nowhere\n", b"\xff\xfe", b"gitdir: a\0b\n"])
def test_a_damaged_link_to_a_repository_is_no_worktree(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".git").write_bytes(content)
    assert find_project(tmp_path, {}).root == tmp_path


def test_no_project_anywhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissionNotFound):
        find_project(tmp_path, {})


@pytest.mark.parametrize("named", ["/no/such/folder", "/etc/passwd", "x" * 10_000])
def test_a_variable_that_names_no_folder_is_refused(tmp_path: Path, named: str) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(MissionNotFound):
        find_project(tmp_path, {ROOT_VARIABLE: named})
