"""Tests of the branches of a mission and of its execution lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specify_cli.vcs import host_refs, lane_branches
from specify_cli.vcs.errors import AllocationFailed, CheckoutBlocked, MergeConflict, TargetMoved
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.lane_bases import StartParts
from specify_cli.vcs.lane_branches import LaneBranches
from specify_cli.vcs.repository import Repository
from tests.durability import SYNC_ALL, watched
from tests.unit.vcs.conftest import MISSION, Project

pytestmark = pytest.mark.long

LANE = f"{MISSION}-lane-a"
OTHER = f"{MISSION}-lane-b"


def heads(project: Project) -> str:
    """The branches, without the refs in which the host records their positions."""
    return project.git("for-each-ref", "refs/heads")


def branches(project: Project, lane: str = LANE) -> LaneBranches:
    return LaneBranches.of(project.repo, lane=lane, mission=MISSION, target="main", origin=None)


@contextmanager
def pointed(project: Project, parts: StartParts, *, lane: str = LANE) -> Iterator[str]:
    """Move the lane's branch to its start for the block; gives the commit of the start."""
    found = branches(project, lane)
    start = found.start(project.repo, parts)
    with lane_branches.lane_pointed(project.repo, found, start.tip, leave=lambda commit: None):
        yield start.base


def begin(project: Project, parts: StartParts | None = None, *, lane: str = LANE) -> str:
    with pointed(project, parts or StartParts(goes_on=True), lane=lane) as base:
        return base


def commit_on(project: Project, branch: str, files: dict[str, str | None]) -> str:
    """Commit the files on the branch, in a temporary working tree."""
    folder = project.root.parent / "elsewhere"
    project.git("worktree", "add", "-q", "--force", str(folder), branch)
    try:
        return project.commit(files, at=folder)
    finally:
        project.git("worktree", "remove", "--force", str(folder))


def fail_where(is_so: bool) -> None:
    assert is_so
    raise OSError("full")


def tip(project: Project, branch: str) -> str:
    return project.git("rev-parse", f"refs/heads/{branch}")


# The start of a lane.


def test_the_first_execution_lane_starts_from_the_target(project: Project) -> None:
    main = tip(project, "main")
    assert begin(project) == main == tip(project, LANE) == tip(project, MISSION)


def test_an_execution_lane_starts_from_the_branch_of_the_mission_if_it_exists(
    project: Project,
) -> None:
    project.git("branch", MISSION)
    project.commit({"a.txt": "later\n"})
    assert begin(project) == tip(project, MISSION) == tip(project, LANE)


def test_a_repeated_start_changes_nothing(project: Project) -> None:
    base = begin(project)
    refs = heads(project)
    assert begin(project) == base
    assert heads(project) == refs


def test_a_restart_continues_from_the_commits_of_the_execution_lane(project: Project) -> None:
    begin(project)
    own = commit_on(project, LANE, {"a.txt": "mine\n"})
    assert begin(project) == own == tip(project, LANE)


def test_approved_dependencies_are_merged_in(project: Project) -> None:
    begin(project)
    begin(project, lane=OTHER)
    one = commit_on(project, LANE, {"one.txt": "1\n"})
    two = commit_on(project, OTHER, {"two.txt": "2\n"})
    base = begin(project, StartParts(merge_in={"WP01": one, "WP02": two}), lane=f"{MISSION}-lane-c")
    assert base == tip(project, f"{MISSION}-lane-c")
    assert {"one.txt", "two.txt"} <= set(project.git("ls-tree", "--name-only", base).split())
    for commit in (one, two):
        assert project.repo.is_ancestor(commit, base)


def test_a_dependency_contained_in_another_is_not_merged_separately(project: Project) -> None:
    begin(project)
    one = commit_on(project, LANE, {"one.txt": "1\n"})
    begin(project, StartParts(merge_in={"WP01": one}), lane=OTHER)
    two = commit_on(project, OTHER, {"two.txt": "2\n"})
    third = f"{MISSION}-lane-c"
    base = begin(project, StartParts(merge_in={"WP01": one, "WP02": two}), lane=third)
    assert project.git("rev-list", "--count", "--merges", "--first-parent", base) == "1"


def test_new_commits_of_a_dependency_are_merged_into_a_continued_execution_lane(
    project: Project,
) -> None:
    begin(project)
    begin(project, lane=OTHER)
    own = commit_on(project, OTHER, {"mine.txt": "mine\n"})
    later = commit_on(project, LANE, {"one.txt": "1\n"})
    parts = StartParts(goes_on=True, merge_in={"WP01": later})
    base = begin(project, parts, lane=OTHER)
    assert project.repo.is_ancestor(later, base)
    assert project.repo.is_ancestor(own, base)
    assert begin(project, parts, lane=OTHER) == base


def test_conflicting_dependencies_are_refused_and_change_no_branch(project: Project) -> None:
    begin(project)
    begin(project, lane=OTHER)
    left = commit_on(project, LANE, {"a.txt": "left\n"})
    right = commit_on(project, OTHER, {"a.txt": "right\n"})
    refs = heads(project)
    with pytest.raises(MergeConflict) as caught:
        begin(project, StartParts(merge_in={"WP01": left, "WP02": right}), lane=f"{MISSION}-lane-c")
    found = caught.value
    assert (found.paths, found.brought, found.theirs) == (("a.txt",), "WP02", right)
    assert heads(project) == refs


def test_a_dependency_that_conflicts_with_the_execution_lane_is_refused(
    project: Project,
) -> None:
    begin(project)
    begin(project, lane=OTHER)
    commit_on(project, LANE, {"a.txt": "mine\n"})
    theirs = commit_on(project, OTHER, {"a.txt": "theirs\n"})
    refs = heads(project)
    with pytest.raises(MergeConflict) as caught:
        begin(project, StartParts(goes_on=True, merge_in={"WP02": theirs}))
    found = caught.value
    assert (found.paths, found.brought, found.theirs) == (("a.txt",), "WP02", theirs)
    assert heads(project) == refs


def test_a_repository_without_commits_is_refused(empty: Project) -> None:
    with pytest.raises(AllocationFailed, match="no commit yet"):
        branches(empty)
    assert heads(empty) == ""


def test_a_missing_target_is_refused(project: Project) -> None:
    project.git("branch", "-m", "main", "trunk")
    with pytest.raises(AllocationFailed, match="branch main does not exist"):
        branches(project)
    assert MISSION not in heads(project)


def test_a_dependency_that_is_not_in_the_repository_is_refused(project: Project) -> None:
    with pytest.raises(GitFailed):
        begin(project, StartParts(merge_in={"WP09": "1" * 40}))
    assert MISSION not in heads(project)


@pytest.mark.parametrize("name", [LANE, MISSION])
def test_a_branch_that_is_a_symbolic_ref_is_refused(project: Project, name: str) -> None:
    project.git("symbolic-ref", f"refs/heads/{name}", "refs/heads/main")
    with pytest.raises(GitFailed):
        branches(project)
    assert project.git("symbolic-ref", f"refs/heads/{name}") == "refs/heads/main"


# Moving branches, and moving them back.


def test_a_failing_block_leaves_no_new_branches(project: Project) -> None:
    refs = heads(project)
    with pytest.raises(OSError, match="full"), pointed(project, StartParts(goes_on=True)):
        raise OSError("full")
    assert heads(project) == refs


def test_a_failing_block_moves_the_branch_back(project: Project) -> None:
    begin(project)
    begin(project, lane=OTHER)
    one = commit_on(project, OTHER, {"one.txt": "1\n"})
    refs = heads(project)
    parts = StartParts(goes_on=True, merge_in={"WP02": one})
    with pytest.raises(OSError, match="full"), pointed(project, parts):
        fail_where(heads(project) != refs)
    assert heads(project) == refs


@pytest.mark.parametrize("written", [0, 1])
def test_a_host_killed_while_recording_its_move_still_owns_the_position(
    project: Project, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    begin(project)
    first = tip(project, LANE)
    begin(project, lane=OTHER)
    second = commit_on(project, OTHER, {"one.txt": "1\n"})
    lane_branches.advance_as_host(project.repo, LANE, old=first, new=second)
    third = commit_on(project, OTHER, {"two.txt": "2\n"})
    keep, calls = host_refs.write_refs, iter(range(9))

    def keep_some(repo: Repository, refs: Mapping[str, str], **how: Any) -> None:
        if next(calls) == written:
            raise KeyboardInterrupt
        keep(repo, refs, **how)

    with monkeypatch.context() as patch:
        patch.setattr(host_refs, "write_refs", keep_some)
        with pytest.raises(KeyboardInterrupt):
            lane_branches.advance_as_host(project.repo, LANE, old=second, new=third)
    # A repeated merge has another date, and so another id.
    fourth = commit_on(project, OTHER, {"three.txt": "3\n"})
    lane_branches.advance_as_host(project.repo, LANE, old=second, new=fourth)
    assert lane_branches.foreign_position(project.repo, LANE) is None


def test_the_old_tip_is_passed_to_leave_before_the_branch_moves(project: Project) -> None:
    begin(project)
    own = commit_on(project, LANE, {"a.txt": "mine\n"})
    main, left = tip(project, "main"), list[tuple[str, str]]()
    found = branches(project)

    def leave(commit: str) -> None:
        left.append((commit, tip(project, LANE)))

    with lane_branches.lane_pointed(project.repo, found, main, leave=leave):
        assert tip(project, LANE) == main
    assert left == [(own, own)]
    with lane_branches.lane_pointed(project.repo, branches(project), main, leave=leave):
        assert left == [(own, own)]


def test_objects_are_synced_before_a_branch_points_to_them(project: Project) -> None:
    with watched() as disk:
        begin(project)
    # The host's notes of the branches, which come first, sync only if they change.
    assert disk.steps[: disk.steps.index("run git update-ref")].count(SYNC_ALL) == 2


def test_a_branch_created_meanwhile_is_kept(project: Project) -> None:
    found = branches(project)
    project.git("branch", LANE)
    refs = heads(project)
    main = tip(project, "main")
    with pytest.raises(GitFailed):
        lane_branches.advance(project.repo, LANE, old=found.tip, new=main)
    assert heads(project) == refs


def test_a_branch_moved_meanwhile_is_kept(project: Project) -> None:
    begin(project)
    old = tip(project, LANE)
    own = commit_on(project, LANE, {"a.txt": "mine\n"})
    other = project.commit({"b.txt": "other\n"})
    with pytest.raises(TargetMoved):
        lane_branches.advance(project.repo, LANE, old=old, new=other)
    assert tip(project, LANE) == own


# Checkouts of the branch.


def checked_out(project: Project) -> Path:
    """The main checkout, with the lane's branch, which is to move to a commit of another lane."""
    begin(project)
    begin(project, lane=OTHER)
    commit_on(project, OTHER, {"a.txt": "theirs\n", "new.txt": "new\n"})
    project.git("checkout", "-q", LANE)
    return project.root


def onward(project: Project) -> StartParts:
    return StartParts(goes_on=True, merge_in={"WP02": tip(project, OTHER)})


def test_a_checkout_of_the_branch_is_updated_with_it(project: Project) -> None:
    root = checked_out(project)
    project.write("b.txt", "mine\n")
    begin(project, onward(project))
    assert (root / "new.txt").read_text() == "new\n"
    assert project.git("symbolic-ref", "HEAD") == f"refs/heads/{LANE}"
    assert project.status() == [" M b.txt"]


@pytest.mark.parametrize("is_staged", [False, True])
def test_overlapping_uncommitted_changes_block_the_move_and_are_kept(
    project: Project, is_staged: bool
) -> None:
    root = checked_out(project)
    project.write("a.txt", "mine\n")
    if is_staged:
        project.git("add", "a.txt")
    refs, status = heads(project), project.status()
    with pytest.raises(CheckoutBlocked, match=r"a\.txt"):
        begin(project, onward(project))
    assert heads(project) == refs
    assert project.status() == status
    assert (root / "a.txt").read_text() == "mine\n"


def test_a_failing_block_restores_the_checkout(project: Project) -> None:
    root = checked_out(project)
    refs = heads(project)
    with pytest.raises(OSError, match="full"), pointed(project, onward(project)):
        fail_where((root / "new.txt").exists())
    assert heads(project) == refs
    assert project.status() == []
    assert not (root / "new.txt").exists()


def test_positions_of_a_branch_below_another_name_are_not_its_own(project: Project) -> None:
    head = project.git("rev-parse", "HEAD")
    host_refs.write_refs(project.repo, {"placed/feature/x": head})
    assert lane_branches.host_positions(project.repo, "feature") == set()
    assert lane_branches.host_positions(project.repo, "feature/x") == {head}
