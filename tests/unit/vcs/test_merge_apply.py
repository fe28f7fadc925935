"""Tests of moving the target branch with its working trees."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from specify_cli.vcs.branch_updates import update_ref
from specify_cli.vcs.checkout_updates import CheckoutUpdate
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.merge import (
    CheckoutBlocked,
    MergePlan,
    ProtectedFiles,
    TargetMoved,
    apply,
    compute,
    finish,
    obstacles,
)
from specify_cli.vcs.objects import overlay
from tests.unit.vcs.conftest import LOG, Project

pytestmark = pytest.mark.long

MAIN = "refs/heads/main"
ODD = "sp ace/\u00fcml\n.txt"


def plan_of(project: Project, host_files: Mapping[str, bytes] | None = None) -> MergePlan:
    return compute(
        project.repo,
        target="main",
        tips=[project.tip("lane-a")],
        strategy="merge",
        message="Merge demo",
        reserved=ProtectedFiles(host_files=host_files or {}),
    )


@pytest.fixture
def ready(project: Project) -> Project:
    """A lane that changes, adds and removes a file."""
    project.lane_with("lane-a", {"a.txt": "merged\n", ODD: "new\n", "b.txt": None})
    return project


def assert_merged(project: Project, plan: MergePlan, at: Path | None = None) -> None:
    root = at or project.root
    assert project.git("rev-parse", "main") == plan.to_commit
    assert (root / "a.txt").read_text() == "merged\n"
    assert (root / ODD).read_text() == "new\n"
    assert not (root / "b.txt").exists()


def assert_untouched(project: Project, plan: MergePlan, status: list[str]) -> None:
    assert project.git("rev-parse", "main") == plan.from_commit
    assert project.status() == status
    assert not list((project.root / ".git").glob("spec-kitty*"))


def test_branch_index_and_files_move_together(ready: Project) -> None:
    plan = plan_of(ready)
    apply(ready.repo, plan)
    assert_merged(ready, plan)
    assert ready.status() == []
    assert not list((ready.root / ".git").glob("spec-kitty*"))


def test_apply_is_idempotent(ready: Project) -> None:
    plan = plan_of(ready)
    apply(ready.repo, plan)
    apply(ready.repo, plan)
    finish(ready.repo, plan)
    assert_merged(ready, plan)
    assert ready.status() == []


def test_target_checked_out_in_a_linked_worktree_is_updated_there(ready: Project) -> None:
    ready.git("checkout", "-q", "-b", "elsewhere")
    linked = ready.root.parent / "linked"
    ready.git("worktree", "add", "-q", str(linked), "main")
    plan = plan_of(ready, {LOG: b"two\n"})
    ready.write(LOG, "live\n")
    apply(ready.repo, plan)
    assert_merged(ready, plan, at=linked)
    assert ready.status(at=linked) == []
    assert ready.status() == [f" M {LOG}"]
    assert (linked / LOG).read_text() == "two\n"


def test_target_that_is_not_checked_out_moves_alone(ready: Project) -> None:
    ready.git("checkout", "-q", "--detach")
    plan = plan_of(ready)
    apply(ready.repo, plan)
    assert ready.git("rev-parse", "main") == plan.to_commit
    assert ready.git("rev-parse", "HEAD") == plan.from_commit
    assert ready.status() == []


def test_changes_to_other_paths_are_kept_byte_for_byte(ready: Project) -> None:
    ready.write("c.txt", "staged\n")
    ready.write("staged only.txt", "x\n")
    ready.git("add", "c.txt", "staged only.txt")
    ready.write("c.txt", "and unstaged\n")
    ready.write("untracked.txt", "mine\n")
    plan = plan_of(ready)
    assert obstacles(ready.repo, plan) == []
    apply(ready.repo, plan)
    assert_merged(ready, plan)
    assert ready.git("show", ":c.txt") == "staged"
    assert (ready.root / "c.txt").read_text() == "and unstaged\n"
    assert ready.status() == ["MM c.txt", "A  staged only.txt", "?? untracked.txt"]


def test_event_log_in_the_main_checkout_is_never_written(ready: Project) -> None:
    new = "kitty-specs/demo/lanes.json"
    plan = plan_of(ready, {LOG: b"one\ntwo\n", new: b"{}\n"})
    live = ready.write(LOG, "one\ntwo\nthree\n")
    ready.write(new, '{"more": 1}\n')
    seen = live.stat()
    assert obstacles(ready.repo, plan) == []
    apply(ready.repo, plan)
    assert_merged(ready, plan)
    assert live.read_text() == "one\ntwo\nthree\n"
    assert (live.stat().st_ino, live.stat().st_mtime_ns) == (seen.st_ino, seen.st_mtime_ns)
    assert ready.show("main", LOG) == "one\ntwo\n"
    assert ready.status() == [f" M {new}", f" M {LOG}"]


def test_committed_event_log_leaves_a_clean_checkout(ready: Project) -> None:
    live = ready.write(LOG, "one\ntwo\n")
    plan = plan_of(ready, {LOG: live.read_bytes()})
    apply(ready.repo, plan)
    assert ready.status() == []


def change(project: Project) -> None:
    project.write("a.txt", "mine\n")


def stage(project: Project) -> None:
    change(project)
    project.git("add", "a.txt")


def stage_and_restore(project: Project) -> None:
    stage(project)
    project.write("a.txt", "a\n")


def delete(project: Project) -> None:
    (project.root / "a.txt").unlink()


def change_a_file_that_the_lane_removes(project: Project) -> None:
    project.write("b.txt", "mine\n")


def create_an_untracked_file(project: Project) -> None:
    project.write(ODD, "mine\n")


def create_an_ignored_file(project: Project) -> None:
    project.write(".git/info/exclude", "*\n")
    project.write(ODD, "mine\n")


def put_a_file_at_the_folder(project: Project) -> None:
    project.write("sp ace", "mine\n")


def put_a_folder_at_the_file(project: Project) -> None:
    project.write(f"{ODD}/deep", "mine\n")


def put_a_link_at_the_folder(project: Project) -> None:
    (project.root / "sp ace").symlink_to(project.root.parent)


def put_a_link_to_an_empty_folder_at_the_file(project: Project) -> None:
    empty = project.root.parent / "empty"
    empty.mkdir()
    (project.root / "sp ace").mkdir()
    (project.root / ODD).symlink_to(empty)


def put_a_folder_with_a_link_at_the_file(project: Project) -> None:
    (project.root / ODD).mkdir(parents=True)
    (project.root / ODD / "link").symlink_to(project.root.parent)


@pytest.mark.parametrize(
    "do",
    [
        change,
        stage,
        stage_and_restore,
        delete,
        change_a_file_that_the_lane_removes,
        create_an_untracked_file,
        create_an_ignored_file,
        put_a_file_at_the_folder,
        put_a_folder_at_the_file,
        put_a_link_to_an_empty_folder_at_the_file,
        put_a_folder_with_a_link_at_the_file,
        put_a_link_at_the_folder,
    ],
)
def test_overlapping_changes_are_an_obstacle_and_nothing_moves(ready: Project, do: object) -> None:
    assert callable(do)
    do(ready)
    status, plan = ready.status(), plan_of(ready)
    assert len(obstacles(ready.repo, plan)) == 1
    with pytest.raises(CheckoutBlocked):
        apply(ready.repo, plan)
    assert_untouched(ready, plan, status)


def test_every_obstacle_is_named(ready: Project) -> None:
    change(ready)
    change_a_file_that_the_lane_removes(ready)
    create_an_untracked_file(ready)
    assert len(obstacles(ready.repo, plan_of(ready))) == 3


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_change_that_the_index_hides_is_an_obstacle(ready: Project, flag: str) -> None:
    ready.git("update-index", flag, "a.txt")
    change(ready)
    plan = plan_of(ready)
    assert len(obstacles(ready.repo, plan)) == 1
    with pytest.raises(CheckoutBlocked):
        apply(ready.repo, plan)
    assert (ready.root / "a.txt").read_text() == "mine\n"
    assert_untouched(ready, plan, [])


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_overlay_removes_a_file_with_any_hash_algorithm(tmp_path: Path, algorithm: str) -> None:
    project = Project(root=tmp_path)
    project.git("init", "-q", f"--object-format={algorithm}")
    base = project.commit({"a.txt": "a\n", "b.txt": "b\n"})
    tree = overlay(project.repo.git, base, {"a.txt": None})
    assert project.git("ls-tree", "--name-only", tree) == "b.txt"


@pytest.mark.parametrize("operation", ["merge", "rebase", "cherry-pick", "bisect"])
def test_operation_in_progress_is_an_obstacle(ready: Project, operation: str) -> None:
    ready.git("branch", "side")
    ready.commit({"c.txt": "ours\n"})
    ready.git("checkout", "-q", "side")
    ready.commit({"c.txt": "theirs\n"})
    ready.git("checkout", "-q", "main")
    command = ["bisect", "start"] if operation == "bisect" else [operation, "side"]
    subprocess.run(["git", "-C", str(ready.root), *command], check=False, capture_output=True)
    assert obstacles(ready.repo, plan_of(ready))


def test_locked_index_is_an_obstacle(ready: Project) -> None:
    ready.write(".git/index.lock", "")
    assert obstacles(ready.repo, plan_of(ready))


def test_file_replaced_by_a_folder_or_the_reverse_is_not_an_obstacle(project: Project) -> None:
    project.commit({"dir/x": "x\n", "file": "f\n"})
    space = project.lane("lane-a")
    project.git("rm", "-rq", "dir", "file", at=space.path)
    project.commit({"dir": "now a file\n", "file/x": "now a folder\n"}, at=space.path)
    plan = plan_of(project)
    assert obstacles(project.repo, plan) == []
    apply(project.repo, plan)
    assert project.status() == []


def test_touched_but_unchanged_file_is_not_an_obstacle(ready: Project) -> None:
    change(ready)
    ready.git("status")
    ready.write("a.txt", "a\n")
    plan = plan_of(ready)
    apply(ready.repo, plan)
    assert_merged(ready, plan)


def test_target_that_moved_meanwhile_is_left_unchanged(ready: Project) -> None:
    plan = plan_of(ready)
    other = ready.commit({"c.txt": "meanwhile\n"})
    with pytest.raises(TargetMoved):
        apply(ready.repo, plan)
    assert ready.git("rev-parse", "main") == other
    assert ready.status() == []


def test_files_are_restored_if_the_branch_cannot_move(ready: Project) -> None:
    ready.write("c.txt", "mine\n")
    live = ready.write(LOG, "one\ntwo\nthree\n")
    plan, status = plan_of(ready, {LOG: b"one\ntwo\n"}), ready.status()
    ready.write(".git/refs/heads/main.lock", "")
    with pytest.raises(GitFailed):
        apply(ready.repo, plan)
    assert_untouched(ready, plan, status)
    assert live.read_text() == "one\ntwo\nthree\n"


def test_deleted_target_is_not_created_again(ready: Project) -> None:
    plan = plan_of(ready)
    ready.git("checkout", "-q", "-b", "other")
    ready.git("branch", "-D", "main")
    with pytest.raises(TargetMoved):
        apply(ready.repo, plan)
    assert "refs/heads/main" not in ready.refs()


def test_hostile_settings_change_nothing(ready: Project) -> None:
    settings = {
        "commit.gpgSign": "true",
        "gpg.program": "false",
        "core.hooksPath": str(ready.root / "hooks"),
        "merge.conflictStyle": "diff3",
        "diff.noprefix": "true",
        "diff.relative": "true",
        "diff.renames": "copies",
        "core.quotePath": "true",
        "core.safecrlf": "true",
        "core.autocrlf": "input",
        "core.splitIndex": "true",
        "status.showUntrackedFiles": "no",
        "status.branch": "true",
        "submodule.recurse": "true",
        "user.useConfigOnly": "true",
        "color.ui": "always",
    }
    for name in ("reference-transaction", "post-checkout", "pre-commit", "post-commit"):
        ready.write(f"hooks/{name}", "#!/bin/sh\nexit 1\n").chmod(0o755)
    for name, value in settings.items():
        ready.git("config", name, value)
    plan = plan_of(ready, {LOG: b"one\r\ntwo\n"})
    apply(ready.repo, plan)
    assert_merged(ready, plan)
    assert ready.show("main", LOG) == "one\r\ntwo\n"


def test_update_ref_refuses_a_branch_that_moved_meanwhile(ready: Project) -> None:
    plan = plan_of(ready)
    other = ready.commit({"c.txt": "meanwhile\n"})
    with pytest.raises(TargetMoved):
        update_ref(
            ready.repo.git, "main", CheckoutUpdate(origin=plan.from_commit, goal=plan.to_commit)
        )
    assert ready.git("rev-parse", "main") == other
