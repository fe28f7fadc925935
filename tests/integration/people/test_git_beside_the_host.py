"""The host respects what users do with git in the same repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.stage import SLUG, Stage


@pytest.fixture
def approved(stage: Stage) -> Stage:
    """A mission with one approved package."""
    stage.commit({"kept.txt": "old\n", "staged.txt": "old\n", "moved.txt": "old\n"})
    stage.write_mission({"WP01": {"owned_files": ["src/**"]}})
    stage.approve("WP01", {"src/work.py": "work\n"})
    return stage


def users_changes(stage: Stage) -> dict[str, str]:
    """Unstaged, staged, staged and changed again, renamed, deleted, added and untracked."""
    root = stage.root
    (root / "kept.txt").write_text("unstaged\n")
    (root / "staged.txt").write_text("staged\n")
    stage.git("add", "staged.txt")
    (root / "staged.txt").write_text("staged and changed\n")
    stage.git("mv", "moved.txt", "renamed.txt")
    (root / "added.txt").write_text("added\n")
    stage.git("add", "added.txt")
    (root / "untracked.bin").write_bytes(b"\0\xff")
    return snapshot(stage)


def snapshot(stage: Stage) -> dict[str, str]:
    """The user's files and their index entries."""
    names = ("kept.txt", "staged.txt", "moved.txt", "renamed.txt", "added.txt", "untracked.bin")
    found = {name: (stage.root / name) for name in names}
    files = {name: path.read_bytes().hex() for name, path in found.items() if path.exists()}
    return files | {"index": stage.git("ls-files", "-s", "--", *names)}


@pytest.mark.parametrize("strategy", ["merge", "squash", "rebase"])
def test_uncommitted_changes_survive_accept_and_merge_unchanged(
    approved: Stage, strategy: str
) -> None:
    before = users_changes(approved)
    approved.done("accept-mission", policy=None, mission=SLUG, actor="person")
    assert snapshot(approved) == before
    merged = approved.done("merge-mission", policy=None, mission=SLUG, strategy=strategy)
    assert snapshot(approved) == before
    assert (approved.root / "src" / "work.py").read_text() == "work\n"
    assert approved.git("show", "main:src/work.py") == "work"
    assert approved.git("rev-parse", "HEAD") == merged["commit"]
    assert "kept.txt" not in approved.git("diff", "--name-only", "HEAD~1", "HEAD")


def test_merge_that_would_overwrite_a_change_is_refused(approved: Stage) -> None:
    mine = approved.root / "src" / "work.py"
    mine.parent.mkdir()
    mine.write_text("mine\n")
    before = approved.git("rev-parse", "main")
    refused = approved.ask("merge-mission", policy=None, mission=SLUG)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert any("src/work.py" in error for error in refused["data"]["errors"])
    assert mine.read_text() == "mine\n"
    assert approved.git("rev-parse", "main") == before
    assert approved.lane("WP01") == "approved"


def test_merge_updates_another_worktree_that_has_the_target_checked_out(
    approved: Stage, tmp_path: Path
) -> None:
    approved.git("checkout", "-q", "-b", "elsewhere")
    other = tmp_path / "other"
    approved.git("worktree", "add", "-q", str(other), "main")
    (other / "note.txt").write_text("mine\n")
    approved.done("merge-mission", policy=None, mission=SLUG)
    assert (other / "src" / "work.py").read_text() == "work\n"
    assert (other / "note.txt").read_text() == "mine\n"
    status = approved.git("status", "--porcelain", folder=other)
    assert status == "?? note.txt"
    assert approved.git("rev-parse", "HEAD", folder=other) == approved.git("rev-parse", "main")
    assert not (approved.root / "src").exists()


def test_merge_is_refused_if_another_worktree_has_conflicting_changes(
    approved: Stage, tmp_path: Path
) -> None:
    approved.git("checkout", "-q", "-b", "elsewhere")
    other = tmp_path / "other"
    approved.git("worktree", "add", "-q", str(other), "main")
    (other / "src").mkdir()
    (other / "src" / "work.py").write_text("mine\n")
    refused = approved.ask("merge-mission", policy=None, mission=SLUG)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert (other / "src" / "work.py").read_text() == "mine\n"
    assert (
        approved.git("log", "-1", "--format=%s", "main") == "change kept.txt, staged.txt, moved.txt"
    )


def test_conflicting_work_is_refused_with_its_paths(
    approved: Stage,
) -> None:
    approved.commit({"src/work.py": "theirs\n"})
    before = approved.git("rev-parse", "main")
    refused = approved.ask("merge-mission", policy=None, mission=SLUG)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert refused["data"]["conflicts"] == ["src/work.py"]
    assert approved.git("rev-parse", "main") == before
    assert (approved.root / "src" / "work.py").read_text() == "theirs\n"
    assert approved.git("diff", "HEAD", "--", "src") == ""


def test_merge_refusal_names_all_obstacles(approved: Stage) -> None:
    approved.write_mission({}, slug="002-other")
    mission = approved.root / "kitty-specs" / SLUG
    (mission / "tasks" / "WP02-late.md").write_text("")
    worktree = approved.root / ".worktrees" / f"{SLUG}-lane-a"
    (worktree / "left.txt").write_text("uncommitted\n")
    approved.commit({"src/work.py": "theirs\n"})
    refused = approved.ask("merge-mission", policy=None, mission=SLUG)
    errors = refused["data"]["errors"]
    assert len(errors) == 3
    for hint in ("uncommitted", "WP02", "src/work.py"):
        assert any(hint in error for error in errors)
    assert (worktree / "left.txt").exists()


def test_acceptance_that_git_refuses_leaves_no_event(approved: Stage) -> None:
    lock = approved.root / ".git" / "index.lock"
    lock.touch()
    before = len(approved.events())
    refused = approved.ask("accept-mission", policy=None, mission=SLUG, actor="person")
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert len(approved.events()) == before
    assert approved.journal()[-1]["event_ids"] == []
    lock.unlink()
    assert approved.ask("accept-mission", policy=None, mission=SLUG, actor="person")["success"]


def test_merge_that_git_refuses_changes_nothing(approved: Stage) -> None:
    lock = approved.root / ".git" / "index.lock"
    lock.touch()
    before = (len(approved.events()), approved.git("rev-parse", "main"))
    refused = approved.ask("merge-mission", policy=None, mission=SLUG)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert (len(approved.events()), approved.git("rev-parse", "main")) == before
    lock.unlink()
    assert approved.ask("merge-mission", policy=None, mission=SLUG)["success"]


def test_merge_does_not_change_a_detached_checkout(approved: Stage) -> None:
    approved.git("checkout", "-q", "--detach")
    here = approved.git("rev-parse", "HEAD")
    approved.done("accept-mission", policy=None, mission=SLUG, actor="person")
    assert approved.git("rev-parse", "HEAD~1") == here
    approved.done("merge-mission", policy=None, mission=SLUG)
    assert approved.git("show", "main:src/work.py") == "work"
    assert not (approved.root / "src").exists()


def test_hooks_and_git_variables_of_the_user_do_not_affect_the_host(
    approved: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pre-commit", "commit-msg", "post-checkout", "reference-transaction"):
        hook = approved.root / ".git" / "hooks" / name
        hook.write_text("#!/bin/sh\nexit 1\n")
        hook.chmod(0o755)
    monkeypatch.setenv("GIT_INDEX_FILE", "/nonexistent/index")
    monkeypatch.setenv("GIT_WORK_TREE", "/nonexistent")
    approved.done("accept-mission", policy=None, mission=SLUG, actor="person")
    assert approved.done("merge-mission", policy=None, mission=SLUG)["merged"] is True


def test_workspace_with_uncommitted_work_is_kept_and_stops_the_merge(
    approved: Stage,
) -> None:
    worktree = approved.root / ".worktrees" / f"{SLUG}-lane-a"
    (worktree / "src" / "work.py").write_text("more\n")
    refused = approved.ask("merge-mission", policy=None, mission=SLUG)
    assert refused["error_code"] == "PREFLIGHT_FAILED"
    assert str(worktree) in refused["data"]["errors"][0]
    assert (worktree / "src" / "work.py").read_text() == "more\n"
