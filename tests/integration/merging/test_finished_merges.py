"""What a merge would change in the end is judged, not only what each execution lane brings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.merging.agents import OTHER, put
from tests.integration.stage import SLUG, Stage

STRATEGIES = ("merge", "squash", "rebase")


def hand_in_and_approve(stage: Stage, wp_id: str = "WP01") -> None:
    stage.done("transition", mission=SLUG, wp=wp_id, to="for_review", actor="coder")
    stage.done("start-review", mission=SLUG, wp=wp_id, actor="reviewer")
    verdict = {"reviewer": "reviewer", "verdict": "approved", "reference": "r"}
    stage.done(
        "transition",
        mission=SLUG,
        wp=wp_id,
        to="approved",
        actor="reviewer",
        review_result=verdict,
    )


def merge(stage: Stage, strategy: str) -> None:
    stage.ask("merge-mission", mission=SLUG, strategy=strategy, actor="ada")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_commit_that_a_merge_commit_undid_is_not_replayed(
    stage: Stage, workspace: Path, strategy: str
) -> None:
    good = put(stage, workspace, {"a/work.py": "work\n"})
    evil = put(
        stage,
        workspace,
        {".kitty/inbox/good/x.json": "{}", f"kitty-specs/{OTHER}/meta.json": "{}"},
    )
    tree = stage.git("rev-parse", f"{good}^{{tree}}", folder=workspace)
    both = stage.git("commit-tree", "-p", evil, "-p", good, "-m", "m", tree, folder=workspace)
    stage.git("reset", "-q", "--hard", both, folder=workspace)
    hand_in_and_approve(stage)
    before = stage.git("ls-tree", "-r", "main", f"kitty-specs/{OTHER}")
    merge(stage, strategy)
    assert stage.git("ls-tree", "-r", "main", f"kitty-specs/{OTHER}") == before
    assert stage.git("ls-tree", "-r", "main", ".kitty") == ""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_revert_of_what_the_target_has_takes_nothing_away(
    stage: Stage, workspace: Path, strategy: str
) -> None:
    stage.commit({"kitty-specs/003-three/meta.json": "{}"})
    later = stage.git("rev-parse", "main")
    put(stage, workspace, {"a/work.py": "work\n"})
    stage.git("cherry-pick", later, folder=workspace)
    stage.git("revert", "--no-edit", "HEAD", folder=workspace)
    hand_in_and_approve(stage)
    merge(stage, strategy)
    assert stage.git("ls-tree", "-r", "--name-only", "main", "kitty-specs/003-three")
