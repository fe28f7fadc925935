"""Tests of linked worktrees, which older versions of the host created."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from specify_cli.vcs import linked_worktrees
from specify_cli.vcs.checkouts import registered
from specify_cli.vcs.errors import AllocationFailed
from tests.durability import watched
from tests.unit.vcs.conftest import LaneCheckout, Project


@pytest.fixture
def space(project: Project) -> LaneCheckout:
    return project.lane("lane-a")


def registration(project: Project, space: LaneCheckout) -> Path:
    return project.root / ".git" / "worktrees" / space.path.name


# Recognizing a linked worktree.


def test_a_linked_worktree_is_recognized_with_its_branch(
    project: Project, space: LaneCheckout
) -> None:
    assert linked_worktrees.is_linked(project.repo, space.path)
    assert linked_worktrees.branch_out(project.repo, space.path) == space.branch
    assert not linked_worktrees.is_linked(project.repo, project.root)
    assert not linked_worktrees.is_linked(project.repo, space.path.with_name("demo-lane-b"))


def test_the_branch_is_recognized_during_a_rebase(project: Project, space: LaneCheckout) -> None:
    project.commit({"a.txt": "mine\n"}, at=space.path)
    project.commit({"a.txt": "theirs\n"})
    with pytest.raises(subprocess.CalledProcessError):
        project.git("rebase", "main", at=space.path)
    assert linked_worktrees.branch_out(project.repo, space.path) == space.branch
    with pytest.raises(AllocationFailed, match="rebase"):
        linked_worktrees.require_removable(project.repo, space.path)


def test_a_folder_that_names_the_registration_of_another_is_not_linked(
    project: Project, space: LaneCheckout
) -> None:
    thief = project.write(
        ".worktrees/demo-lane-c/.git", f"gitdir: {registration(project, space)}\n"
    )
    assert not linked_worktrees.is_linked(project.repo, thief.parent)


def test_a_folder_that_names_a_foreign_repository_is_not_linked(
    project: Project, space: LaneCheckout, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign" / ".git"
    shutil.copytree(project.root / ".git", foreign)
    own = foreign / "worktrees" / space.path.name
    (space.path / ".git").write_text(f"gitdir: {own}\n")
    assert not linked_worktrees.is_linked(project.repo, space.path)
    assert linked_worktrees.branch_out(project.repo, space.path) is None


def test_a_symbolic_link_to_a_worktree_is_not_linked(
    project: Project, space: LaneCheckout, tmp_path: Path
) -> None:
    space.path.rename(tmp_path / "elsewhere")
    space.path.symlink_to(tmp_path / "elsewhere")
    assert not linked_worktrees.is_linked(project.repo, space.path)


def test_a_fifo_at_the_git_file_does_not_block(project: Project, space: LaneCheckout) -> None:
    (space.path / ".git").unlink()
    os.mkfifo(space.path / ".git")
    assert not linked_worktrees.is_linked(project.repo, space.path)


def test_a_registration_that_is_a_link_is_ignored(project: Project, space: LaneCheckout) -> None:
    own = registration(project, space)
    (own.parent / "twin").symlink_to(own)
    assert [it.path for it in registered(project.repo.git)] == [project.root, space.path]


# Whether a linked worktree may be removed.


@pytest.mark.parametrize("name", ["locked", "modules", "MERGE_HEAD"])
def test_a_worktree_in_use_must_not_be_removed(
    project: Project, space: LaneCheckout, name: str
) -> None:
    linked_worktrees.require_removable(project.repo, space.path)
    (registration(project, space) / name).touch()
    with pytest.raises(AllocationFailed) as caught:
        linked_worktrees.require_removable(project.repo, space.path)
    assert caught.value.code == "uncommitted_work"


# The registration of a worktree that was replaced.


def test_the_registration_of_a_replaced_worktree_is_removed(
    project: Project, space: LaneCheckout, tmp_path: Path
) -> None:
    other = project.lane("lane-b")
    space.path.rename(tmp_path / "trash")
    space.path.mkdir()
    with watched() as disk:
        linked_worktrees.forget_replaced(project.repo, space.path)
    assert "sync worktrees" in disk.steps
    assert not registration(project, space).exists()
    assert registration(project, other).exists()
    assert linked_worktrees.is_linked(project.repo, other.path)
    assert (tmp_path / "trash" / "a.txt").exists()
    project.git("branch", "-D", space.branch)  # It is not checked out any more.


def test_an_existing_worktree_keeps_its_registration(project: Project, space: LaneCheckout) -> None:
    linked_worktrees.forget_replaced(project.repo, space.path)
    assert linked_worktrees.is_linked(project.repo, space.path)


def test_a_registration_without_a_folder_is_removed(project: Project, space: LaneCheckout) -> None:
    shutil.rmtree(space.path)
    linked_worktrees.forget_replaced(project.repo, space.path)
    assert not registration(project, space).exists()


def test_a_link_at_the_registration_is_not_followed(
    project: Project, space: LaneCheckout, tmp_path: Path
) -> None:
    shutil.rmtree(space.path)
    own = registration(project, space)
    elsewhere = shutil.move(own, tmp_path / "elsewhere")
    own.symlink_to(elsewhere)
    linked_worktrees.forget_replaced(project.repo, space.path)
    assert own.is_symlink()
    assert (tmp_path / "elsewhere" / "HEAD").exists()


def test_a_link_at_the_folder_of_registrations_is_not_followed(
    project: Project, space: LaneCheckout, tmp_path: Path
) -> None:
    shutil.rmtree(space.path)
    folder = registration(project, space).parent
    folder.symlink_to(shutil.move(folder, tmp_path / "elsewhere"))
    linked_worktrees.forget_replaced(project.repo, space.path)
    assert (tmp_path / "elsewhere" / space.path.name / "HEAD").exists()


def test_an_incomplete_registration_is_removed(project: Project, space: LaneCheckout) -> None:
    shutil.rmtree(space.path)
    own = registration(project, space)
    (own / "gitdir").unlink()
    linked_worktrees.forget_replaced(project.repo, space.path)
    assert not own.exists()


def test_a_registration_that_git_is_creating_is_kept(project: Project, space: LaneCheckout) -> None:
    shutil.rmtree(space.path)
    own = registration(project, space)
    (own / "gitdir").unlink()
    (own / "locked").touch()
    linked_worktrees.forget_replaced(project.repo, space.path)
    assert (own / "HEAD").exists()


def test_a_link_at_an_incomplete_registration_is_not_followed(
    project: Project, space: LaneCheckout, tmp_path: Path
) -> None:
    shutil.rmtree(space.path)
    own = registration(project, space)
    elsewhere = Path(shutil.move(own, tmp_path / "elsewhere"))
    (elsewhere / "gitdir").unlink()
    own.symlink_to(elsewhere)
    linked_worktrees.forget_replaced(project.repo, space.path)
    assert own.is_symlink()
