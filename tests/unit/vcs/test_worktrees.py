"""Worktrees of execution lanes."""

from __future__ import annotations

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from specify_cli.vcs.worktrees import (
    AllocationFailed,
    Parts,
    exists,
    has_uncommitted_work,
    remove,
)
from tests.unit.vcs.conftest import MISSION, Project

pytestmark = pytest.mark.long


def lane_path(project: Project, name: str = "lane-a") -> Path:
    return project.root / ".worktrees" / f"demo-{name}"


def test_lane_gets_branch_and_worktree_from_the_target(project: Project) -> None:
    space = project.lane("lane-a")
    main = project.git("rev-parse", "main")
    assert space.base_ref == main == project.git("rev-parse", MISSION)
    assert project.git("symbolic-ref", "HEAD", at=space.path) == f"refs/heads/{space.branch}"
    assert (space.path / "a.txt").read_text() == "a\n"
    assert project.status(at=space.path) == []


def test_worktrees_are_no_dirt_in_the_main_checkout(project: Project) -> None:
    project.lane("lane-a")
    assert project.status() == []


def test_repeated_allocation_changes_nothing(project: Project) -> None:
    first = project.lane("lane-a")
    refs = project.refs()
    assert project.lane("lane-a") == first
    assert project.refs() == refs


def test_lane_starts_from_the_missions_branch_when_that_exists(project: Project) -> None:
    project.git("branch", MISSION)
    project.commit({"a.txt": "later\n"})
    assert project.lane("lane-a").base_ref == project.git("rev-parse", MISSION)


def test_work_in_a_reused_worktree_stays(project: Project) -> None:
    space = project.lane("lane-a")
    project.write("a.txt", "unfinished\n", at=space.path)
    project.write("new.txt", "new\n", at=space.path)
    project.lane("lane-a")
    assert project.status(at=space.path) == [" M a.txt", "?? new.txt"]


def test_approved_dependencies_are_merged_in(project: Project) -> None:
    one = project.lane_with("lane-a", {"one.txt": "1\n"})
    two = project.lane_with("lane-b", {"two.txt": "2\n"})
    space = project.lane("lane-c", "lane-a", "lane-b")
    for tip in (one, two):
        assert project.repo.is_ancestor(tip.commit, space.base_ref)
    assert {"one.txt", "two.txt"} <= {file.name for file in space.path.iterdir()}
    assert project.status(at=space.path) == []


def test_dependency_that_moved_on_is_merged_into_the_standing_worktree(project: Project) -> None:
    project.lane_with("lane-a", {"one.txt": "1\n"})
    before = project.lane("lane-b", "lane-a")
    project.write("b.txt", "mine\n", at=before.path)
    later = project.commit({"one.txt": "2\n"}, at=lane_path(project))
    after = project.lane("lane-b", "lane-a")
    assert project.repo.is_ancestor(later, after.base_ref)
    assert (after.path / "one.txt").read_text() == "2\n"
    assert project.status(at=after.path) == [" M b.txt"]
    assert project.lane("lane-b", "lane-a") == after


def test_dependency_contained_in_another_needs_no_merge_of_its_own(project: Project) -> None:
    project.lane_with("lane-a", {"one.txt": "1\n"})
    project.lane("lane-b", "lane-a")
    project.commit({"two.txt": "2\n"}, at=lane_path(project, "lane-b"))
    space = project.lane("lane-c", "lane-a", "lane-b")
    assert project.git("rev-list", "--count", "--merges", "--first-parent", space.base_ref) == "1"


def test_conflicting_dependencies_are_refused_and_leave_nothing(project: Project) -> None:
    project.lane_with("lane-a", {"a.txt": "left\n"})
    project.lane_with("lane-b", {"a.txt": "right\n"})
    refs = project.refs()
    with pytest.raises(AllocationFailed) as caught:
        project.lane("lane-c", "lane-a", "lane-b")
    assert "a.txt" in caught.value.reason
    assert project.refs() == refs
    assert not lane_path(project, "lane-c").exists()


def test_conflict_in_a_standing_worktree_leaves_it_as_it_was(project: Project) -> None:
    space = project.lane("lane-b")
    own = project.commit({"a.txt": "mine\n"}, at=space.path)
    project.lane_with("lane-a", {"a.txt": "theirs\n"})
    with pytest.raises(AllocationFailed):
        project.lane("lane-b", "lane-a")
    assert project.git("rev-parse", "HEAD", at=space.path) == own
    assert project.status(at=space.path) == []


@pytest.mark.parametrize("staged", [False, True])
def test_uncommitted_change_where_the_merge_goes_is_refused(project: Project, staged: bool) -> None:
    space = project.lane("lane-b")
    project.lane_with("lane-a", {"a.txt": "theirs\n"})
    project.write("a.txt", "mine\n", at=space.path)
    if staged:
        project.git("add", "a.txt", at=space.path)
    with pytest.raises(AllocationFailed):
        project.lane("lane-b", "lane-a")
    assert (space.path / "a.txt").read_text() == "mine\n"
    assert project.git("rev-parse", "HEAD", at=space.path) == space.base_ref


def test_repository_without_commits_is_refused(empty: Project) -> None:
    with pytest.raises(AllocationFailed):
        empty.lane("lane-a")
    assert empty.refs() == ""
    assert not (empty.root / ".worktrees").exists()


def test_missing_target_is_refused(project: Project) -> None:
    project.git("branch", "-m", "main", "trunk")
    with pytest.raises(AllocationFailed):
        project.lane("lane-a")
    assert MISSION not in project.refs()


def test_work_that_is_not_in_the_repository_is_refused(project: Project) -> None:
    with pytest.raises(AllocationFailed):
        project.lane_from("lane-a", Parts(merge_in={"WP09": "1" * 40}))
    assert MISSION not in project.refs()


def test_folder_of_the_user_is_refused_and_kept(project: Project) -> None:
    file = project.write(".worktrees/demo-lane-a/notes.txt", "mine\n")
    with pytest.raises(AllocationFailed):
        project.lane("lane-a")
    assert file.read_text() == "mine\n"


def test_link_to_nothing_at_the_place_is_refused_and_not_followed(project: Project) -> None:
    lane_path(project).parent.mkdir()
    lane_path(project).symlink_to(project.root.parent / "elsewhere")
    before = project.refs()
    with pytest.raises(AllocationFailed):
        project.lane("lane-a")
    assert project.refs() == before
    assert not (project.root.parent / "elsewhere").exists()


def test_foreign_repository_at_the_place_is_refused_and_kept(project: Project) -> None:
    project.git("clone", "-q", ".", str(lane_path(project)))
    with pytest.raises(AllocationFailed):
        project.lane("lane-a")
    assert (lane_path(project) / ".git" / "HEAD").exists()


def test_worktree_on_another_branch_is_refused(project: Project) -> None:
    space = project.lane("lane-a")
    project.git("checkout", "-q", "-b", "other", at=space.path)
    with pytest.raises(AllocationFailed):
        project.lane("lane-a")


def test_branch_checked_out_elsewhere_is_refused(project: Project) -> None:
    project.git("branch", MISSION)
    project.git("checkout", "-q", "-b", f"{MISSION}-lane-a")
    with pytest.raises(AllocationFailed):
        project.lane("lane-a")


def test_worktree_whose_folder_is_gone_is_made_again(project: Project) -> None:
    space = project.lane("lane-a")
    tip = project.commit({"a.txt": "done\n"}, at=space.path)
    shutil.rmtree(space.path)
    again = project.lane("lane-a")
    assert again.base_ref == tip
    assert project.status(at=space.path) == []


def test_registration_of_a_vanished_folder_elsewhere_gives_way(project: Project) -> None:
    project.git("branch", MISSION)
    elsewhere = project.root.parent / "elsewhere"
    project.git("worktree", "add", "-q", "-b", f"{MISSION}-lane-a", str(elsewhere))
    shutil.rmtree(elsewhere)
    assert project.lane("lane-a").path == lane_path(project)


def test_worktrees_of_a_moved_project_are_found_again(project: Project) -> None:
    project.lane("lane-a")
    project.write(".worktrees/demo-lane-a/a.txt", "unfinished\n")
    moved = Project(root=project.root.rename(project.root.parent / "moved"))
    space = moved.lane("lane-a")
    assert moved.status(at=space.path) == [" M a.txt"]


def test_allocation_killed_while_git_registers_is_completed(project: Project) -> None:
    space = project.lane("lane-a")
    shutil.rmtree(space.path)
    space.path.mkdir()
    state = project.root / ".git/worktrees/demo-lane-a"
    (space.path / ".git").write_text(f"gitdir: {state}\n")
    (state / "locked").write_text("initializing")
    (state / "index").unlink()
    assert not exists(project.repo, space.path, space.branch)
    assert project.lane("lane-a") == space
    assert project.status(at=space.path) == []


def test_allocation_killed_while_files_are_written_is_completed(project: Project) -> None:
    space = project.lane("lane-a")
    (project.root / ".git/worktrees/demo-lane-a/index").unlink()
    (space.path / "a.txt").write_text("")
    (space.path / "b.txt").unlink()
    assert not exists(project.repo, space.path, space.branch)
    assert project.lane("lane-a") == space
    assert project.status(at=space.path) == []


def test_allocation_waits_for_the_git_of_a_killed_host_that_still_writes(project: Project) -> None:
    space = project.lane("lane-a")
    state = project.root / ".git/worktrees/demo-lane-a"
    (state / "index").unlink()
    lock = state / "index.lock"
    lock.touch()
    end_of_that_git = threading.Timer(0.2, lock.unlink)
    end_of_that_git.start()
    try:
        assert project.lane("lane-a") == space
    finally:
        end_of_that_git.join()
    assert project.status(at=space.path) == []


def test_worktree_in_a_rebase_is_still_the_lanes(project: Project) -> None:
    space = project.lane("lane-a")
    project.commit({"a.txt": "mine\n"}, at=space.path)
    project.commit({"a.txt": "theirs\n"})
    with pytest.raises(subprocess.CalledProcessError):
        project.git("rebase", "main", at=space.path)
    assert exists(project.repo, space.path, space.branch)
    assert project.lane("lane-a").path == space.path
    assert has_uncommitted_work(project.repo, space.path)


def test_existence_is_of_this_branch_at_this_place(project: Project) -> None:
    space = project.lane("lane-a")
    assert exists(project.repo, space.path, space.branch)
    assert not exists(project.repo, space.path, "main")
    assert not exists(project.repo, project.root, "main")
    assert not exists(project.repo, lane_path(project, "lane-b"), space.branch)


def test_clean_worktree_is_removed_and_its_branch_kept(project: Project) -> None:
    space = project.lane("lane-a")
    assert remove(project.repo, space.path)
    assert not space.path.exists()
    assert project.git("rev-parse", space.branch) == space.base_ref
    assert remove(project.repo, space.path)


@pytest.mark.parametrize("path", ["a.txt", "new \u00fc\n.txt"])
def test_worktree_with_uncommitted_work_stays(project: Project, path: str) -> None:
    project.git("config", "status.showUntrackedFiles", "no")
    space = project.lane("lane-a")
    project.write(path, "work\n", at=space.path)
    assert has_uncommitted_work(project.repo, space.path)
    assert not remove(project.repo, space.path)
    assert (space.path / path).read_text() == "work\n"


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
@pytest.mark.parametrize("path", ["a.txt", "deep/new \u00fc\n.txt"])
def test_an_edit_that_the_index_hides_is_uncommitted_work(
    project: Project, flag: str, path: str
) -> None:
    project.commit({path: "before\n"})
    space = project.lane("lane-a")
    project.git("update-index", flag, path, at=space.path)
    assert not has_uncommitted_work(project.repo, space.path)
    project.write(path, "mine\n", at=space.path)
    assert project.status(at=space.path) == []
    assert has_uncommitted_work(project.repo, space.path)
    assert not remove(project.repo, space.path)
    assert (space.path / path).read_text() == "mine\n"


def test_what_a_sparse_checkout_leaves_out_is_not_uncommitted_work(project: Project) -> None:
    project.commit({"kept/a.txt": "a\n", "left/b.txt": "b\n"})
    space = project.lane("lane-a")
    project.git("sparse-checkout", "set", "kept", at=space.path)
    assert not (space.path / "left").exists()
    assert not has_uncommitted_work(project.repo, space.path)
    assert remove(project.repo, space.path)


def test_worktree_with_commits_on_no_branch_stays(project: Project) -> None:
    space = project.lane("lane-a")
    project.git("checkout", "-q", "--detach", at=space.path)
    project.commit({"a.txt": "x\n"}, at=space.path)
    assert not remove(project.repo, space.path)


def test_locked_worktree_stays(project: Project) -> None:
    space = project.lane("lane-a")
    project.git("worktree", "lock", str(space.path))
    assert not remove(project.repo, space.path)
    assert space.path.exists()


def test_registration_without_folder_is_removed(project: Project) -> None:
    space = project.lane("lane-a")
    shutil.rmtree(space.path)
    assert remove(project.repo, space.path)
    assert "demo-lane-a" not in project.git("worktree", "list")


def test_folder_that_is_no_worktree_is_never_removed(project: Project) -> None:
    file = project.write(".worktrees/demo-lane-a/notes.txt", "mine\n")
    assert not remove(project.repo, file.parent)
    assert file.exists()


def test_link_to_an_empty_folder_is_never_removed(project: Project) -> None:
    empty = project.root.parent / "empty"
    empty.mkdir()
    lane_path(project).parent.mkdir()
    lane_path(project).symlink_to(empty)
    assert not remove(project.repo, lane_path(project))
    assert lane_path(project).is_symlink()


def test_ignored_files_do_not_keep_a_worktree(project: Project) -> None:
    project.commit({".gitignore": "*.log\n"})
    space = project.lane("lane-a")
    project.write("build.log", "x", at=space.path)
    assert not has_uncommitted_work(project.repo, space.path)
