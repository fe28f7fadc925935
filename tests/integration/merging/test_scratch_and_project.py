"""Commits are checked in the project as its attributes and drivers merge them there.

The scratch repository that first checks them has neither, and its merged trees are not in the project.
"""

from __future__ import annotations

import pytest

from tests.integration.stage import APPROVED, SLUG, Stage

WHO = {"mission": SLUG, "wp": "WP01", "actor": "coder"}


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    made = Stage(root=tmp_path_factory.mktemp("project"))
    made.make_repository()
    made.write_mission({"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}})
    return made


def refuse_other_files(stage: Stage, files: dict[str, str]) -> None:
    (stage.root / ".kitty").mkdir(exist_ok=True)
    (stage.root / ".kitty" / "config.toml").write_text('owned_files = "refuse"\n')
    stage.commit({"kitty-specs/README.md": "Missions\n", **files})


def test_merge_driver_does_not_hide_a_change_outside_owned_files(stage: Stage) -> None:
    refuse_other_files(stage, {".gitattributes": "*.bin merge=theirs\n", "x.bin": "\0base\n"})
    stage.git("config", "merge.theirs.driver", "cp %B %A")
    workspace = stage.begin()
    stage.commit({"a/one.py": "one\n", "x.bin": "\0agent\n"}, folder=workspace)
    stage.commit({"x.bin": "\0target\n"})
    passed = {"evidence": {"review": APPROVED}, "force": True, "note": "checked"}
    answer = stage.ask("transition", **WHO, to="approved", **passed)  # type: ignore[arg-type]
    assert answer["error_code"] == "TRANSITION_REJECTED", answer
    assert answer["data"]["guard"] == "owned_files"


@pytest.mark.parametrize("is_synced", [False, True])
def test_attribute_of_the_target_decides_what_is_changed(stage: Stage, *, is_synced: bool) -> None:
    lines = "1\n2\n3\n4\n5\n"
    refuse_other_files(stage, {".gitattributes": "*.svg binary\n", "x.svg": lines})
    workspace = stage.begin()
    stage.commit({"a/one.py": "one\n", "x.svg": f"agent{lines}"}, folder=workspace)
    stage.commit({"x.svg": f"{lines}target"})
    if is_synced:
        stage.run("sync")
    assert stage.ask("transition", **WHO, to="for_review", subtasks_complete=True)["success"]


@pytest.mark.parametrize("strategy", ["merge", "squash"])
def test_lanes_whose_branch_a_person_moved_are_merged(stage: Stage, strategy: str) -> None:
    stage.commit({"kitty-specs/README.md": "Missions\n"})
    workspace = stage.approve("WP01", {"a/one.py": "one\n"})
    stage.approve("WP02", {"b/two.py": "two\n"})
    stage.commit({"other.txt": "other\n"})
    branch = stage.git("branch", "--show-current", folder=workspace)
    by_hand = stage.git("commit-tree", "-p", branch, "-m", "by hand", f"{branch}^{{tree}}")
    stage.git("update-ref", f"refs/heads/{branch}", by_hand)
    stage.done("accept-mission", mission=SLUG, actor="lead")
    stage.done("merge-mission", mission=SLUG, target="main", strategy=strategy, push=False)
