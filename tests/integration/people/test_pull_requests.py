"""Missions whose target moves only by pull requests: merge on a branch, close, tidy up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.crashes.killing import killer
from tests.integration.stage import SLUG, Stage

PACKAGES = {"WP01": {"owned_files": ["one/**"]}, "WP02": {"owned_files": ["two/**"]}}
FIRST = f"kitty/mission-{SLUG}"


@pytest.fixture
def accepted(stage: Stage) -> Stage:
    """An accepted mission, and a forge: a bare repository and a clone of it."""
    stage.write_mission(PACKAGES)
    stage.commit({"notes": "1\n2\n3\n4\n5\n"})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the mission")
    stage.git("init", "-q", "--bare", "-b", "main", str(stage.root.parent / "forge.git"))
    stage.git("remote", "add", "origin", "../forge.git")
    stage.git("push", "-q", "origin", "main")
    stage.approve("WP01", {"one/work": "one\n"})
    stage.approve("WP02", {"two/work": "two\n", "notes": "1\n2\n3\n4\nfive\n"})
    stage.done("accept-mission", mission=SLUG, actor="lead")
    return stage


@pytest.fixture
def forge(stage: Stage) -> Path:
    return stage.root.parent / "forge"


def says(stage: Stage, *words: str) -> str:
    done = stage.run(*words)
    assert done.exit_code == 0, done
    return done.stdout.decode()


def refuses(stage: Stage, *words: str) -> str:
    done = stage.run(*words)
    assert done.exit_code == 1, done
    return done.stderr.decode()


def clone(stage: Stage, forge: Path) -> None:
    stage.git("clone", "-q", str(stage.root.parent / "forge.git"), str(forge))
    stage.commit({"other": "meanwhile\n"}, folder=forge)


def merged(stage: Stage, forge: Path) -> None:
    stage.git("merge", "-q", "--no-ff", "--no-edit", "origin/search", folder=forge)


def squashed(stage: Stage, forge: Path) -> None:
    stage.git("merge", "-q", "--squash", "origin/search", folder=forge)
    stage.git("commit", "-q", "-m", "squashed (#1)", folder=forge)


def rebased(stage: Stage, forge: Path) -> None:
    stage.git("switch", "-q", "-c", "search", "origin/search", folder=forge)
    stage.git("rebase", "-q", "main", folder=forge)
    stage.git("switch", "-q", "main", folder=forge)
    stage.git("merge", "-q", "--ff-only", "search", folder=forge)


@pytest.mark.parametrize("way", [merged, squashed, rebased])
def test_mission_closes_once_its_pull_request_is_merged(
    accepted: Stage, forge: Path, way: Callable[[Stage, Path], object]
) -> None:
    stage, before = accepted, accepted.git("rev-parse", "main")
    assert "search has the merge of 001-search, at " in says(
        stage, "merge", "--branch", "search", "--push"
    )
    assert stage.git("rev-parse", "main") == before
    assert "search: nothing to do" in says(stage, "merge", "--branch", "search")
    refused = refuses(stage, "mission", "mark-merged", SLUG)
    assert f"origin/main does not have the work of {FIRST}-lane-a" in refused
    assert refused.count("again") == 1
    assert stage.lane("WP01") == "approved"

    clone(stage, forge)
    way(stage, forge)
    stage.commit({"one/work": "changed since\n"}, folder=forge)
    stage.git("push", "-q", "origin", "main", folder=forge)
    stage.git("fetch", "-q", "origin")

    assert "is merged: origin/main has WP01, WP02" in says(stage, "mission", "mark-merged", SLUG)
    assert "nothing to do" in says(stage, "mission", "mark-merged", SLUG)
    assert {stage.lane(it) for it in PACKAGES} == {"done"}
    assert not list((stage.root / ".worktrees").glob(f"{SLUG}*"))
    if way is squashed:
        is_over(stage)


def is_over(stage: Stage) -> None:
    """Check that a further merge changes nothing and the branches can be removed."""
    stage.git("checkout", "-q", "--", "kitty-specs")
    stage.git("reset", "-q", "--hard", "origin/main")
    assert "nothing to do, main has its work" in says(stage, "merge", "--mission", SLUG)
    assert (stage.root / "one/work").read_text() == "changed since\n"

    shown = stage.run("mission", "tidy")
    assert shown.exit_code == 2
    assert f"{FIRST}-lane-a: remove, ".encode() in shown.stdout
    assert "removed 3 branches" in says(stage, "mission", "tidy", "--yes")
    assert "kitty/" not in stage.git("branch", "--list")


def test_branch_is_continued_with_reworked_packages(accepted: Stage) -> None:
    stage = accepted
    says(stage, "merge", "--branch", "search")
    first = stage.git("rev-parse", "search")
    sent_back = {"to": "in_progress", "actor": "lead", "review_ref": "#1"}
    stage.done("transition", mission=SLUG, wp="WP01", **sent_back)
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.commit({"one/work": "better\n"}, folder=workspace)
    ready = {"to": "for_review", "subtasks_complete": True}
    stage.done("transition", mission=SLUG, wp="WP01", actor="coder", **ready)
    forced = {"to": "approved", "force": True, "note": "seen"}
    stage.done("transition", mission=SLUG, wp="WP01", actor="lead", **forced)

    refused = refuses(stage, "merge", "--branch", "search")
    assert "001-search is not accepted" in refused
    assert "next: spec-kitty accept && spec-kitty merge --branch search" in refused
    stage.done("accept-mission", mission=SLUG, actor="lead")
    says(stage, "merge", "--branch", "search")

    assert stage.git("merge-base", first, "search") == first
    assert stage.git("show", "search:one/work") == "better"


def test_existing_or_invalid_branch_name_is_refused(accepted: Stage) -> None:
    accepted.git("branch", "mine")
    before = accepted.git("for-each-ref", "refs/heads")

    for name in ("main", "kitty/mission-x", "mine", "mine/below", "--all", "a..b", "HEAD", ""):
        envelope = accepted.ask("merge-branch", mission=SLUG, branch=name)
        assert envelope["error_code"] in ("PREFLIGHT_FAILED", "USAGE_ERROR"), name

    assert accepted.git("for-each-ref", "refs/heads") == before


def test_tidy_keeps_branches_with_unmerged_work(accepted: Stage) -> None:
    stage = accepted
    assert "not merged into main" in refuses(stage, "mission", "tidy", SLUG, "--yes")
    says(stage, "merge")
    stage.git("switch", "-q", f"{FIRST}-lane-b")
    stage.commit({"two/more": "later\n"})
    stage.git("switch", "-q", f"{FIRST}-lane-a")

    shown = says(stage, "mission", "tidy", SLUG, "--yes")

    assert f"{FIRST}-lane-a: keep, it is checked out in {stage.root}" in shown
    assert f"{FIRST}-lane-b: keep, it has commits that were not merged" in shown
    assert "removed 1 branch" in shown
    assert FIRST not in stage.git("branch", "--list", FIRST)


@pytest.mark.long
@pytest.mark.parametrize("path", ["one/new\nline", "\nnew"])
def test_mark_merged_finds_work_in_a_path_with_a_newline(stage: Stage, path: str) -> None:
    stage.write_mission({"WP01": {}})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the mission")
    stage.approve("WP01", {path: "one\n"})
    stage.done("accept-mission", mission=SLUG, actor="lead")
    says(stage, "merge", "--branch", "search")
    stage.git("merge", "-q", "--squash", "search")
    stage.git("commit", "-q", "-m", "squashed")
    stage.commit({path: "changed since\n"})
    assert "is merged" in says(stage, "mission", "mark-merged", SLUG)


@pytest.mark.long
def test_tidy_keeps_a_branch_with_work_in_a_merge_commit(accepted: Stage) -> None:
    stage = accepted
    says(stage, "merge")
    stage.git("branch", "-f", FIRST, f"{FIRST}-lane-a")
    for branch, own in ((FIRST, ""), (f"{FIRST}-lane-b", "resolved by hand\n")):
        stage.git("switch", "-q", branch)
        stage.git("merge", "-q", "--no-ff", "--no-commit", "main")
        if own:
            (stage.root / "two/work").write_text(own)
        stage.git("commit", "-q", "-a", "-m", "merge main")
    stage.git("switch", "-q", "main")

    shown = says(stage, "mission", "tidy", SLUG, "--yes")

    assert f"{FIRST}-lane-b: keep, it has commits that were not merged" in shown
    assert "removed 2 branches" in shown
    assert stage.git("show", f"{FIRST}-lane-b:two/work") == "resolved by hand"


@pytest.mark.long
def test_tidy_keeps_the_branch_of_a_reworked_package(accepted: Stage) -> None:
    stage = accepted
    says(stage, "merge")
    forced = {"mission": SLUG, "wp": "WP01", "actor": "lead", "force": True, "note": "again"}
    stage.done("transition", to="planned", **forced)
    stage.approve("WP01", {"one/work": "better\n"})
    stage.done("transition", to="done", **forced)

    assert "not merged into main" in refuses(stage, "mission", "tidy", SLUG, "--yes")
    assert stage.git("show", f"{FIRST}-lane-a:one/work") == "better"


@pytest.mark.campaign
def test_killed_merge_and_mark_merged_are_completed_by_a_repeat(accepted: Stage) -> None:
    stage, before = accepted, accepted.git("rev-parse", "main")
    run_until = killer(stage)
    words = ["merge", "--branch", "search"]
    for step in range(1, 400, 9):
        code = run_until(step, words)
        assert stage.git("rev-parse", "main") == before
        if stage.git("branch", "--list", "search"):
            assert stage.git("show", "search:one/work", "search:two/work") == "one\ntwo"
        if code == 0:
            break
    assert code == 0
    assert {stage.lane(it) for it in PACKAGES} == {"approved"}

    stage.git("merge", "-q", "--ff-only", "search")
    for step in range(1, 400, 9):
        code = run_until(step, ["mission", "mark-merged", SLUG])
        assert len({stage.lane(it) for it in PACKAGES}) == 1
        if code == 0:
            break
    assert code == 0
    assert {stage.lane(it) for it in PACKAGES} == {"done"}
    assert not list((stage.root / ".worktrees").glob(f"{SLUG}*"))
    assert stage.run("doctor").exit_code == 0
    assert stage.run("mailbox", "verify").exit_code == 0
