"""Tests of recovery from a crash between any two steps of a merge."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.vcs import checkout_recovery, child_process
from specify_cli.vcs.branch_updates import update_checkouts, update_ref
from specify_cli.vcs.checkout_updates import (
    CheckoutUpdate,
    record_update,
    recorded_update,
    update_checkout,
)
from specify_cli.vcs.checkouts import Checkout, checkouts_of
from specify_cli.vcs.merge import (
    MergePlan,
    ProtectedFiles,
    apply,
    checkout_plans,
    compute,
    finish,
    obstacles,
)
from tests.durability import watched
from tests.unit.vcs.conftest import LOG, MISSION, Project

pytestmark = pytest.mark.long

LIVE = "one\ntwo\nthree\n"


@pytest.fixture
def ready(project: Project) -> Project:
    project.lane_with(
        "lane-a", {"a.txt": "merged\n", "dir/new.txt": "new\n", "b.txt": None, "c.txt": "m" * 99}
    )
    project.write(LOG, LIVE)
    return project


def plan_of(project: Project) -> MergePlan:
    return compute(
        project.repo,
        target="main",
        tips=[project.tip("lane-a")],
        strategy="merge",
        message="Merge demo",
        reserved=ProtectedFiles(host_files={LOG: b"one\ntwo\n"}),
    )


def main_checkout(project: Project) -> Checkout:
    return checkouts_of(project.repo.git, "main")[0]


def begin_only(project: Project, plan: MergePlan) -> None:
    record_update(*checkout_plans(plan, [main_checkout(project)])[0])


def stage_log(project: Project, plan: MergePlan) -> None:
    begin_only(project, plan)
    oid = project.git("rev-parse", f"{plan.to_commit}:{LOG}")
    project.git("update-index", "--cacheinfo", f"100644,{oid},{LOG}")


def write_some_files(project: Project, plan: MergePlan) -> None:
    stage_log(project, plan)
    project.write("a.txt", "merged\n")
    project.write("dir/new.txt", "new\n")
    (project.root / "b.txt").unlink()


def tear_a_file(project: Project, plan: MergePlan) -> None:
    write_some_files(project, plan)
    project.write("c.txt", "m" * 9)


def take_a_file_away(project: Project, plan: MergePlan) -> None:
    write_some_files(project, plan)
    (project.root / "c.txt").unlink()


def move_tree(project: Project, plan: MergePlan) -> None:
    update_checkouts(checkout_plans(plan, [main_checkout(project)]))


def start_to_move_back(project: Project, plan: MergePlan) -> None:
    move_tree(project, plan)
    project.write("a.txt", "a\n")
    (project.root / "dir/new.txt").unlink()


CRASHES = [
    begin_only,
    stage_log,
    write_some_files,
    tear_a_file,
    take_a_file_away,
    move_tree,
    start_to_move_back,
]


def assert_before(project: Project, plan: MergePlan) -> None:
    assert project.git("rev-parse", "main") == plan.from_commit
    assert project.status() == [f" M {LOG}"]
    assert not (project.root / "dir").exists()
    assert_settled(project)


def assert_after(project: Project, plan: MergePlan) -> None:
    assert project.git("rev-parse", "main") == plan.to_commit
    assert project.status() == [f" M {LOG}"]
    assert_settled(project)


def assert_settled(project: Project) -> None:
    assert (project.root / LOG).read_text() == LIVE
    assert recorded_update(main_checkout(project)) is None


@pytest.mark.parametrize("crash", CRASHES)
def test_crash_before_the_branch_moves_is_undone(
    ready: Project, crash: Callable[[Project, MergePlan], None]
) -> None:
    plan = plan_of(ready)
    crash(ready, plan)
    finish(ready.repo, plan)
    assert_before(ready, plan)
    finish(ready.repo, plan)
    assert_before(ready, plan)
    apply(ready.repo, plan)
    assert_after(ready, plan)


@pytest.mark.parametrize("crash", CRASHES)
def test_apply_completes_a_merge_after_an_earlier_crash(
    ready: Project, crash: Callable[[Project, MergePlan], None]
) -> None:
    plan = plan_of(ready)
    crash(ready, plan)
    apply(ready.repo, plan)
    assert_after(ready, plan)


@pytest.mark.parametrize("held", ["m" * 100_000, "m" * 150_000 + "mine"])
def test_recovery_compares_files_larger_than_the_output_limit_of_git(
    project: Project, monkeypatch: pytest.MonkeyPatch, held: str
) -> None:
    project.lane_with("lane-a", {"large.txt": "m" * 200_000})
    project.write(LOG, LIVE)
    plan = plan_of(project)
    begin_only(project, plan)
    project.write("large.txt", held)
    monkeypatch.setattr(child_process, "MOST_PRINTED", 50_000)
    finish(project.repo, plan)
    assert (project.root / "large.txt").exists() == held.endswith("mine")
    assert_settled(project)


@pytest.mark.parametrize("crash", [begin_only, stage_log, write_some_files, tear_a_file, move_tree])
def test_crash_after_the_branch_moves_is_completed(
    ready: Project, crash: Callable[[Project, MergePlan], None]
) -> None:
    plan = plan_of(ready)
    crash(ready, plan)
    update_ref(ready.repo.git, "main", CheckoutUpdate(origin=plan.from_commit, goal=plan.to_commit))
    finish(ready.repo, plan)
    assert_after(ready, plan)


def test_checkout_without_a_recorded_update_follows_a_branch_that_has_moved(ready: Project) -> None:
    plan = plan_of(ready)
    ready.git("update-ref", "refs/heads/main", plan.to_commit)
    finish(ready.repo, plan)
    assert_after(ready, plan)


def test_checkout_follows_a_branch_that_has_moved_further(ready: Project) -> None:
    plan = plan_of(ready)
    later = ready.git("commit-tree", "-p", plan.to_commit, "-m", "x", f"{plan.to_commit}^{{tree}}")
    ready.git("update-ref", "refs/heads/main", later)
    finish(ready.repo, plan)
    assert ready.status() == [f" M {LOG}"]


@pytest.mark.parametrize("crash", [write_some_files, move_tree])
def test_changes_made_after_the_crash_are_kept(
    ready: Project, crash: Callable[[Project, MergePlan], None]
) -> None:
    plan = plan_of(ready)
    crash(ready, plan)
    ready.write("a.txt", "mine since\n")
    ready.write("other.txt", "mine too\n")
    finish(ready.repo, plan)
    assert ready.git("rev-parse", "main") == plan.from_commit
    assert ready.status() == [" M a.txt", f" M {LOG}", "?? other.txt"]
    assert (ready.root / "a.txt").read_text() == "mine since\n"


def test_link_that_the_user_put_in_place_of_a_file_is_kept(ready: Project) -> None:
    plan = plan_of(ready)
    begin_only(ready, plan)
    (ready.root / "c.txt").unlink()
    (ready.root / "c.txt").symlink_to("elsewhere")
    finish(ready.repo, plan)
    assert (ready.root / "c.txt").is_symlink()
    assert_settled(ready)


def test_changes_staged_after_the_crash_are_kept(ready: Project) -> None:
    plan = plan_of(ready)
    move_tree(ready, plan)
    ready.write("a.txt", "mine since\n")
    ready.git("add", "a.txt")
    finish(ready.repo, plan)
    assert ready.git("show", ":a.txt") == "mine since"
    assert ready.status() == ["M  a.txt", f" M {LOG}"]


def test_changes_made_after_a_complete_merge_are_kept(ready: Project) -> None:
    plan = plan_of(ready)
    apply(ready.repo, plan)
    ready.write("a.txt", "a\n")
    (ready.root / "c.txt").unlink()
    ready.write("b.txt", "back\n")
    ready.git("add", "b.txt")
    status = ready.status()
    finish(ready.repo, plan)
    assert ready.status() == status


def test_changes_made_between_the_branch_move_and_recovery_are_kept(ready: Project) -> None:
    plan = plan_of(ready)
    move_tree(ready, plan)
    update_ref(ready.repo.git, "main", CheckoutUpdate(origin=plan.from_commit, goal=plan.to_commit))
    ready.write("a.txt", "a\n")
    (ready.root / "c.txt").unlink()
    status = ready.status()
    finish(ready.repo, plan)
    assert ready.status() == status


def test_commit_of_the_user_on_top_of_the_moved_files_is_kept(ready: Project) -> None:
    plan = plan_of(ready)
    move_tree(ready, plan)
    ready.git("commit", "-qm", "user commits what is staged")
    tip = ready.git("rev-parse", "main")
    finish(ready.repo, plan)
    assert ready.git("rev-parse", "main") == tip
    assert ready.status() == [f" M {LOG}"]


def test_checkout_follows_a_branch_that_somebody_else_moved(ready: Project) -> None:
    plan = plan_of(ready)
    move_tree(ready, plan)
    winner = ready.git("commit-tree", "-p", "main", "-m", "x", "main^{tree}")
    ready.git("update-ref", "refs/heads/main", winner)
    finish(ready.repo, plan)
    assert ready.git("rev-parse", "main") == winner
    assert ready.status() == [f" M {LOG}"]


def test_links_and_binary_files_are_restored(project: Project) -> None:
    (project.root / "link").symlink_to("a.txt")
    project.git("add", "link")
    project.git("commit", "-qm", "link")
    space = project.lane("lane-a")
    (space.path / "link").unlink()
    (space.path / "link").symlink_to("nowhere")
    (space.path / "binary").write_bytes(bytes(range(256)))
    project.git("add", ".", at=space.path)
    project.git("commit", "-qm", "binary", at=space.path)
    plan = plan_of(project)
    begin_only(project, plan)
    (project.root / "link").unlink()
    (project.root / "link").symlink_to("nowhere")
    (project.root / "binary").write_bytes(bytes(range(100)))
    finish(project.repo, plan)
    assert project.status() == []


def test_update_is_recorded_durably_before_anything_moves(ready: Project) -> None:
    plan = plan_of(ready)
    with watched() as disk:
        begin_only(ready, plan)
    assert disk.is_kept(ready.root / ".git" / "spec-kitty-move")
    assert disk.is_name_kept(ready.root / ".git" / "spec-kitty-move")


def test_damaged_record_of_an_update_is_ignored(ready: Project) -> None:
    ready.write(".git/spec-kitty-move", '{"origin": ')
    assert recorded_update(main_checkout(ready)) is None
    assert obstacles(ready.repo, plan_of(ready)) == []


def test_interrupted_merge_of_a_dependency_into_an_execution_lane_is_completed(
    project: Project,
) -> None:
    project.lane_with("lane-a", {"a.txt": "dep\n", "new.txt": "n\n"})
    space = project.lane("lane-b")
    checkout = Checkout(path=space.path, branch=space.branch, common=project.root / ".git")
    goal = project.git("rev-parse", f"{MISSION}-lane-a")
    move = CheckoutUpdate(origin=space.base_ref, goal=goal)
    record_update(checkout, move)
    update_checkout(checkout, move)
    (space.path / "a.txt").write_text("a\n")
    again = project.lane("lane-b", "lane-a")
    assert project.repo.is_ancestor(goal, again.base_ref)
    assert project.status(at=space.path) == []
    assert (space.path / "a.txt").read_text() == "dep\n"


def test_recovery_waits_for_a_git_process_that_outlived_its_host(ready: Project) -> None:
    plan = plan_of(ready)
    write_some_files(ready, plan)
    lock = ready.write(".git/index.lock", "")
    orphan = threading.Timer(0.2, lock.unlink)
    orphan.start()
    finish(ready.repo, plan)
    orphan.join()
    assert_before(ready, plan)


def test_name_too_long_for_the_file_system_is_not_a_file(tmp_path: Path) -> None:
    assert not checkout_recovery._is_file(tmp_path / ("b" * 300))
