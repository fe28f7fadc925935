"""A person reviews with `spec-kitty review`: the decision is about the commit that was shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Stage


def commit_of(stage: Stage) -> str:
    package: dict[str, Any] = stage.done("mission-state", mission=SLUG)["work_packages"][0]
    commit: str = package["commit"]
    return commit


def test_review_accepts_only_a_full_commit_id(stage: Stage, submitted: Path) -> None:
    commit = commit_of(stage)
    before = stage.events()
    for named, code in ((commit[:12], 2), (commit[:39], 2), ("HEAD", 2), ("", 2), ("0" * 40, 1)):
        refused = stage.run("review", "WP01", "--approve", "--commit", named)
        assert (named, refused.exit_code) == (named, code)
    assert stage.events() == before
    approved = stage.run("review", "WP01", "--approve", "--commit", commit.upper())
    assert approved.exit_code == 0


@pytest.mark.parametrize("decision", [(), ("--request-changes", "--note", "no test")])
def test_review_of_another_commit_is_refused_for_every_decision(
    stage: Stage, submitted: Path, decision: tuple[str, ...]
) -> None:
    before = stage.events()
    refused = stage.run("review", "WP01", *decision, "--commit", "0" * 40)
    assert refused.exit_code == 1
    assert stage.events() == before
    assert stage.run("review", "WP01", *decision, "--commit", commit_of(stage)).exit_code == 0


def test_blank_note_is_not_accepted_as_feedback(stage: Stage, submitted: Path) -> None:
    before = stage.events()
    assert stage.run("review", "WP01", "--request-changes", "--note", "  ").exit_code == 2
    assert stage.events() == before


def test_status_of_an_unknown_package_is_refused(stage: Stage, submitted: Path) -> None:
    assert stage.run("status", "WP09").exit_code == 1
    assert stage.run("status", "WP09", "--json").code == "WP_NOT_FOUND"
    assert stage.run("status", "wp01", "--json").code is None


def test_review_of_an_unrelated_history_shows_all_its_files(stage: Stage, submitted: Path) -> None:
    tree = stage.git("rev-parse", "HEAD^{tree}").strip()
    orphan = stage.git("commit-tree", "-m", "evil", tree).strip()
    branch = stage.done("resolve-workspace", mission=SLUG, wp="WP02")["lane_branch"]
    stage.git("branch", branch, orphan)
    stage.done(
        "transition", mission=SLUG, wp="WP02", actor="x", to="for_review", force=True, note="x"
    )
    work = stage.run("review", "WP02", "--json").envelope["data"]
    assert work["commit"] == orphan
    assert work["files_total"] == len(stage.git("ls-tree", "-r", "--name-only", tree).split())
    assert work["base"]
