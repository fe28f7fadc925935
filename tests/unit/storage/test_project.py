from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from specify_cli.errors import MissionNotFound
from specify_cli.storage.project import ROOT_VARIABLE, find_project
from tests.patience import LONGEST_S


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
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, timeout=LONGEST_S)


@pytest.mark.parametrize("mark", ["kitty-specs", ".kittify", ".git"])
def test_a_project_is_found_in_a_parent_folder_by_any_marker(tmp_path: Path, mark: str) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / mark).mkdir()
    assert find_project(deep, {}).root == tmp_path.resolve()


def test_the_environment_variable_overrides_the_working_directory(
    tmp_path: Path, checkout: Path
) -> None:
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
def test_a_damaged_git_file_does_not_make_a_worktree(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".git").write_bytes(content)
    assert find_project(tmp_path, {}).root == tmp_path


def test_a_folder_outside_any_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissionNotFound):
        find_project(tmp_path, {})


@pytest.mark.parametrize("named", ["/no/such/folder", "/etc/passwd", "x" * 10_000])
def test_an_environment_variable_that_does_not_name_a_folder_is_refused(
    tmp_path: Path, named: str
) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(MissionNotFound):
        find_project(tmp_path, {ROOT_VARIABLE: named})


# Files that agents can write.


@pytest.fixture
def workspace(checkout: Path) -> Path:
    """The worktree of an execution lane."""
    folder = checkout / ".worktrees" / "001-search-lane-a"
    git(checkout, "worktree", "add", "-q", str(folder))
    return folder


@pytest.fixture
def foreign(checkout: Path) -> Path:
    """A repository of an agent, beside its workspace, with missions of its own."""
    folder = checkout / ".worktrees" / "foreign"
    (folder / "kitty-specs" / "001-search").mkdir(parents=True)
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    git(folder, "worktree", "add", "-q", str(folder / "inner"))
    return folder


def found_from(place: Path) -> set[Path]:
    """The projects that are found from this folder and by a variable that names it."""
    return {
        find_project(place, {}).root,
        find_project(Path("/"), {ROOT_VARIABLE: str(place)}).root,
    }


@pytest.mark.parametrize("name", ["foreign/.git", "foreign/.git/worktrees/inner"])
def test_a_workspace_whose_git_file_names_a_foreign_repository_keeps_its_project(
    checkout: Path, workspace: Path, foreign: Path, name: str
) -> None:
    (workspace / ".git").write_text(f"gitdir: {foreign.parent / name}\n")
    assert found_from(workspace) == {checkout}


@pytest.mark.parametrize("mark", ["kitty-specs", ".kittify", ".git"])
def test_marker_folders_planted_in_a_workspace_do_not_make_a_project(
    checkout: Path, workspace: Path, mark: str
) -> None:
    (workspace / ".git").unlink()
    deep = workspace / "src"
    for folder in (workspace, deep):
        (folder / mark).mkdir(parents=True)
    assert found_from(workspace) | found_from(deep) == {checkout}


def test_a_repository_below_the_worktrees_folder_is_not_a_project(
    checkout: Path, foreign: Path
) -> None:
    nested = foreign / ".worktrees" / "001-search-lane-a"
    (nested / "kitty-specs").mkdir(parents=True)
    for place in (foreign.parent, foreign, foreign / "kitty-specs", foreign / "inner", nested):
        assert found_from(place) == {checkout}


def test_a_fifo_at_the_git_file_of_a_workspace_does_not_block(
    checkout: Path, workspace: Path
) -> None:
    (workspace / ".git").unlink()
    os.mkfifo(workspace / ".git")
    assert found_from(workspace) == {checkout}


@pytest.mark.parametrize("kind", ["fifo", "large"])
def test_a_git_file_that_is_a_fifo_or_too_large_is_ignored(tmp_path: Path, kind: str) -> None:
    link = tmp_path / ".git"
    if kind == "fifo":
        os.mkfifo(link)
    else:
        with link.open("wb") as file:
            file.truncate(10 * 1024**3)
    assert found_from(tmp_path) == {tmp_path}


def test_a_forged_worktree_registration_does_not_change_the_project(
    tmp_path: Path, checkout: Path, foreign: Path
) -> None:
    linked = tmp_path / "linked"
    registration = checkout / ".git" / "worktrees" / "linked"
    (registration / "commondir").write_text(f"{foreign / '.git'}\n")
    assert found_from(linked) == {checkout}
    registration.rename(tmp_path / "gone")
    registration.symlink_to(foreign / ".git" / "worktrees" / "inner")
    assert found_from(linked) == {checkout}


def test_an_outside_worktree_cannot_name_a_repository_below_the_worktrees_folder(
    tmp_path: Path, checkout: Path, foreign: Path
) -> None:
    (tmp_path / "linked" / ".git").write_text(f"gitdir: {foreign / '.git/worktrees/inner'}\n")
    assert found_from(tmp_path / "linked") == {checkout}


def test_a_worktrees_folder_without_a_project_has_no_special_meaning(tmp_path: Path) -> None:
    root = tmp_path / ".worktrees" / "own"
    (root / "kitty-specs").mkdir(parents=True)
    assert found_from(root) == {root}


def test_a_link_to_a_git_file_is_followed_outside_of_workspaces(
    tmp_path: Path, checkout: Path
) -> None:
    link = tmp_path / "linked" / ".git"
    link.rename(tmp_path / "elsewhere")
    link.symlink_to(tmp_path / "elsewhere")
    assert found_from(tmp_path / "linked") == {checkout}


@pytest.mark.parametrize("place", [".bare", ".bare/refs", "main", "main/deep", "."])
def test_a_bare_repository_is_refused_from_its_worktrees_and_from_above(
    tmp_path: Path, checkout: Path, place: str
) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(checkout), str(tmp_path / "top" / ".bare"))
    (tmp_path / "top" / ".git").write_text("gitdir: ./.bare\n")
    git(tmp_path / "top" / ".bare", "worktree", "add", "-q", "../main", "-b", "work")
    # Folders of an earlier attempt must not make it a project.
    (tmp_path / "top" / "main" / "kitty-specs").mkdir()
    (tmp_path / "top" / "main" / "deep").mkdir()
    with pytest.raises(MissionNotFound, match="bare repository"):
        find_project(tmp_path / "top" / place, {})
    with pytest.raises(MissionNotFound, match="bare repository"):
        find_project(tmp_path, {ROOT_VARIABLE: str(tmp_path / "top" / place)})


@pytest.mark.parametrize(
    ("config", "is_bare"),
    [
        ("[core]\n\tbare = true\n", True),
        ("[core]\n  BARE=yes # so\n", True),
        ("[CORE]\nbare\n", True),
        ("[core] bare = 1\n", True),
        ('[core]\nbare = "true"\n', True),
        ("[core]\nbare = false\n", False),
        ("[core]\nbare = true\nbare = false\n", False),
        ("[core]\nbare =\n", False),
        ('[other]\nbare = true\n[core "x"]\nbare = true\n', False),
        ("[core]\n; bare = true\n", False),
        ("", False),
    ],
)
def test_core_bare_is_parsed_as_git_parses_it(checkout: Path, config: str, is_bare: bool) -> None:
    (checkout / ".git" / "config").write_text(config)
    if not is_bare:
        assert find_project(checkout, {}).root == checkout
        return
    with pytest.raises(MissionNotFound):
        find_project(checkout, {})


def test_a_submodule_named_like_a_linked_worktree_is_a_project(tmp_path: Path) -> None:
    (tmp_path / "modules" / "worktrees" / "sub").mkdir(parents=True)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".git").write_text("gitdir: ../modules/worktrees/sub\n")
    assert find_project(tmp_path / "sub", {}).root == tmp_path / "sub"


def test_a_linked_worktree_of_a_repository_whose_name_is_not_utf8_is_resolved(
    tmp_path: Path,
) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.mkdir()
    git(root, "init", "-q")
    git(root, "commit", "-q", "--allow-empty", "-m", "first")
    git(root, "worktree", "add", "-q", str(tmp_path / "linked"))
    assert find_project(tmp_path / "linked", {}).root == root


def test_a_repository_whose_checkout_is_elsewhere_is_refused(
    tmp_path: Path, checkout: Path
) -> None:
    (tmp_path / "else").mkdir()
    git(checkout, "config", "core.worktree", str(tmp_path / "else"))
    with pytest.raises(MissionNotFound, match="elsewhere"):
        find_project(checkout, {})
    git(checkout, "config", "core.worktree", "..")
    assert find_project(checkout, {}).root == checkout
