"""The result of a merge is checked, not only the changes of each execution lane."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.merging.agents import OTHER, preflight, put
from tests.integration.stage import SLUG, Stage

STRATEGIES = ("merge", "squash", "rebase")


def submit_and_approve(stage: Stage, wp_id: str = "WP01") -> None:
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
def test_commit_undone_by_a_merge_commit_is_not_replayed(
    stage: Stage, workspace: Path, strategy: str
) -> None:
    good = put(stage, workspace, {"a/work.py": "work\n"})
    evil = put(
        stage,
        workspace,
        {"kitty-specs/004-made/meta.json": "{}", f"kitty-specs/{OTHER}/meta.json": "{}"},
    )
    tree = stage.git("rev-parse", f"{good}^{{tree}}", folder=workspace)
    both = stage.git("commit-tree", "-p", evil, "-p", good, "-m", "m", tree, folder=workspace)
    stage.git("reset", "-q", "--hard", both, folder=workspace)
    submit_and_approve(stage)
    before = stage.git("ls-tree", "-r", "main", f"kitty-specs/{OTHER}")
    merge(stage, strategy)
    assert stage.git("ls-tree", "-r", "main", f"kitty-specs/{OTHER}") == before
    assert stage.git("ls-tree", "-r", "main", "kitty-specs/004-made") == ""


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_revert_of_a_target_commit_does_not_remove_it_from_the_target(
    stage: Stage, workspace: Path, strategy: str
) -> None:
    stage.commit({"kitty-specs/003-three/meta.json": "{}"})
    later = stage.git("rev-parse", "main")
    put(stage, workspace, {"a/work.py": "work\n"})
    stage.git("cherry-pick", later, folder=workspace)
    stage.git("revert", "--no-edit", "HEAD", folder=workspace)
    submit_and_approve(stage)
    merge(stage, strategy)
    assert stage.git("ls-tree", "-r", "--name-only", "main", "kitty-specs/003-three")


@pytest.fixture
def workspaces(stage: Stage) -> tuple[Path, Path]:
    """The workspaces of two started execution lanes; the project has another mission."""
    stage.write_mission({"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}})
    stage.write_mission({"WP01": {"owned_files": ["c/**"]}}, slug=OTHER)
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan")
    begun = [
        stage.done("start-implementation", mission=SLUG, wp=wp_id, actor="coder")
        for wp_id in ("WP01", "WP02")
    ]
    return Path(begun[0]["workspace_path"]), Path(begun[1]["workspace_path"])


def forbidden(stage: Stage, branch: str = "main") -> str:
    """Entries of a branch that a merge of the mission must not change."""
    places = (".kitty", ".worktrees", ".git", f"kitty-specs/{OTHER}", "kitty-specs/009-ghost")
    return stage.git("ls-tree", "-r", branch, *places)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("is_first", sampled([True, False], every=2))
def test_revert_of_a_cherry_pick_in_another_execution_lane_removes_nothing(
    stage: Stage, workspaces: tuple[Path, Path], strategy: str, is_first: bool
) -> None:
    """Neither execution lane alone changes the target's files; merged one after the other they would."""
    one, two = workspaces if is_first else workspaces[::-1]
    stage.commit({f"kitty-specs/{OTHER}/notes.md": "n\n", "kitty-specs/009-ghost/meta.json": "{}"})
    before = forbidden(stage)
    put(stage, one, {f"{'a' if is_first else 'b'}/work.py": "work\n"})
    stage.git("cherry-pick", stage.git("rev-parse", "main"), folder=one)
    taken = stage.git("rev-parse", "HEAD", folder=one)
    put(stage, two, {f"{'b' if is_first else 'a'}/work.py": "work\n"})
    packages = ("WP01", "WP02") if is_first else ("WP02", "WP01")
    submit_and_approve(stage, packages[0])
    stage.git("merge", "-q", "--no-edit", taken, folder=two)
    stage.git("revert", "--no-edit", taken, folder=two)
    submit_and_approve(stage, packages[1])
    merge(stage, strategy)
    assert forbidden(stage) == before


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("reverting", sampled([0, 1], every=2))
def test_revert_in_one_execution_lane_does_not_legitimize_a_commit_of_another(
    stage: Stage, workspaces: tuple[Path, Path], strategy: str, reverting: int
) -> None:
    """The first lane undid the commit by a merge commit, the second by a revert."""
    before = forbidden(stage)
    keeping, undoing = workspaces[1 - reverting], workspaces[reverting]
    good = put(stage, keeping, {f"{'ba'[reverting]}/work.py": "work\n"})
    evil = put(stage, keeping, {f"kitty-specs/{OTHER}/meta.json": "{}"})
    tree = stage.git("rev-parse", f"{good}^{{tree}}", folder=keeping)
    both = stage.git("commit-tree", "-p", good, "-p", evil, "-m", "m", tree, folder=keeping)
    stage.git("reset", "-q", "--hard", both, folder=keeping)
    put(stage, undoing, {f"{'ab'[reverting]}/work.py": "work\n"})
    stage.git("fetch", "-q", str(keeping), evil, folder=undoing)
    stage.git("cherry-pick", evil, folder=undoing)
    stage.git("revert", "--no-edit", "HEAD", folder=undoing)
    for wp_id in ("WP01", "WP02"):
        submit_and_approve(stage, wp_id)
    merge(stage, strategy)
    assert forbidden(stage) == before


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_merge_with_strategy_ours_removes_nothing_from_another_target(
    stage: Stage, workspace: Path, strategy: str
) -> None:
    stage.git("checkout", "-q", "-b", "production")
    stage.commit({f"kitty-specs/{OTHER}/notes.md": "n\n", "kitty-specs/009-ghost/meta.json": "{}"})
    stage.git("checkout", "-q", "main")
    put(stage, workspace, {"a/work.py": "work\n"})
    stage.git(
        "merge",
        "-q",
        "-s",
        "ours",
        "-m",
        "m",
        stage.git("rev-parse", "production"),
        folder=workspace,
    )
    submit_and_approve(stage)
    before = forbidden(stage, "production")
    stage.ask("merge-mission", mission=SLUG, strategy=strategy, actor="ada", target="production")
    assert forbidden(stage, "production") == before


def test_rebase_is_refused_if_it_would_lose_changes_of_a_merge_commit(
    stage: Stage, workspace: Path
) -> None:
    put(stage, workspace, {"a/work.py": "work\n"})
    stage.commit({"README.md": "moved on\n"})
    stage.git(
        "merge", "-q", "--no-ff", "--no-commit", stage.git("rev-parse", "main"), folder=workspace
    )
    resolved = put(stage, workspace, {"a/resolved.py": "own\n"})
    submit_and_approve(stage)
    data = preflight(stage, strategy="rebase", actor="ada")
    assert any(resolved in line and "a/resolved.py" in line for line in data["errors"])
    assert stage.lane("WP01") == "approved"
    merge(stage, "squash")
    assert (stage.root / "a/resolved.py").read_text() == "own\n"
