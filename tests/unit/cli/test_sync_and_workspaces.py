from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli.main import root
from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long

NAME = f"{SLUG}-lane-a"
LANE = f"kitty/mission-{NAME}"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}})
    monkeypatch.chdir(made.root)
    return made


def typed(*words: str) -> Result:
    return CliRunner().invoke(root, words, prog_name="spec-kitty")


def synced(*words: str) -> tuple[int, list[dict[str, Any]]]:
    result = typed("sync", "--json", *words)
    return result.exit_code, json.loads(result.stdout)["data"]["workspaces"]


def tip(stage: Stage, folder: Path | None = None) -> str:
    return stage.git("rev-parse", LANE, folder=folder)


def test_sync_takes_in_commits_of_a_workspace_and_prints_them(stage: Stage) -> None:
    place, before = stage.begin(), tip(stage)
    for number in range(2):
        stage.commit({"a/one": f"{number}\n"}, folder=place)
    result = typed("sync")
    assert result.exit_code == 0
    assert f"{NAME}: {LANE} {before[:12]}..{tip(stage, place)[:12]}, 2 commits" in result.stdout
    assert tip(stage) == tip(stage, place)
    again = typed("sync")
    assert (again.exit_code, again.stdout) == (0, f"{NAME}: up to date\n")


def test_sync_can_be_limited_to_one_mission(stage: Stage) -> None:
    place = stage.begin()
    stage.write_mission({"WP01": {}}, slug=f"{SLUG}-lane")
    stage.done("start-implementation", mission=f"{SLUG}-lane", wp="WP01", actor="coder")
    stage.commit({"a/one": "1\n"}, folder=place)
    code, found = synced("--mission", f"{SLUG}-lane")
    assert [it["mission_slug"] for it in found] == [f"{SLUG}-lane"]
    code, found = synced("--mission", SLUG)
    assert [(it["mission_slug"], it["outcome"]) for it in found] == [(SLUG, "taken_in")]
    assert code == 0
    assert typed("sync", "--mission", "nowhere").exit_code == 1


def move_by_hand(stage: Stage) -> None:
    """Add a commit to the branch in the project that the workspace does not have."""
    by_hand = stage.git("commit-tree", "-p", LANE, "-m", "by hand", f"{LANE}^{{tree}}")
    stage.git("update-ref", f"refs/heads/{LANE}", by_hand)


@pytest.mark.parametrize(
    ("case", "reason_code"),
    [
        ("diverged", "diverged"),
        ("unreadable", "unreadable"),
        ("replaced", "not_a_workspace"),
        ("damaged mission", "unreadable"),
        ("uncommitted changes", "uncommitted_changes"),
        ("no branch", "no_branch"),
    ],
)
def test_sync_reports_a_refused_workspace_and_takes_in_the_others(
    stage: Stage, case: str, reason_code: str
) -> None:
    stage.write_mission({"WP01": {}}, slug="002-other")
    other = stage.begin(slug="002-other")
    stage.commit({"a/one": "1\n"}, folder=other)
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    if case == "diverged":
        move_by_hand(stage)
    elif case == "unreadable":
        shutil.rmtree(place / ".git" / "objects")
        os.mkfifo(place / ".git" / "objects")
    elif case == "replaced":
        place.rename(place.with_name("moved"))
        place.mkdir()
    elif case == "damaged mission":
        (stage.root / "kitty-specs" / SLUG / "meta.json").write_text("{")
    elif case == "uncommitted changes":
        stage.git("switch", "-q", LANE)
        (stage.root / "a").mkdir()
        (stage.root / "a" / "one").write_text("mine\n")
    else:
        stage.git("branch", "-D", LANE)
    code, found = synced()
    by_name = {it["workspace"]: it for it in found}
    assert code == 1
    assert by_name[NAME]["reason_code"] == reason_code
    assert by_name[other.name]["outcome"] == "taken_in"


def test_sync_reports_a_workspace_that_is_behind_and_succeeds(stage: Stage) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    synced()
    move_by_hand(stage)
    code, found = synced()
    assert (code, found[0]["outcome"]) == (0, "behind")


def test_sync_takes_in_a_branch_that_the_agent_rewrote(stage: Stage) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    synced()
    stage.git("commit", "-q", "--amend", "-m", "other", folder=place)
    code, found = synced()
    assert (code, found[0]["outcome"]) == (0, "taken_in")
    head = stage.git("rev-parse", "HEAD", folder=place)
    assert stage.git("rev-parse", LANE) == head


def test_sync_updates_a_clean_working_tree_that_has_the_branch_checked_out(stage: Stage) -> None:
    place = stage.begin()
    stage.git("switch", "-q", LANE)
    stage.commit({"a/one": "1\n"}, folder=place)
    assert synced()[0] == 0
    assert (stage.root / "a" / "one").read_text() == "1\n"
    assert stage.git("status", "--porcelain", "--", "a") == ""


def test_review_shows_the_submitted_commit_and_lists_later_ones(
    stage: Stage,
) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    move = {"mission": SLUG, "wp": "WP01", "to": "for_review", "actor": "coder"}
    stage.done("transition", subtasks_complete=True, **move)
    handed_in = tip(stage)
    stage.commit({"a/one": "2\n"}, folder=place)
    result = typed("review", "WP01", "--json")
    work = json.loads(result.stdout)["data"]
    assert work["commit"] == handed_in
    assert work["commits_not_included"][0]["commits"] == [tip(stage, place)]
    assert work["problems"] == []


def test_review_of_an_unreadable_workspace_shows_the_branch_of_the_project(
    stage: Stage,
) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    move = {"mission": SLUG, "wp": "WP01", "to": "for_review", "actor": "coder"}
    stage.done("transition", subtasks_complete=True, **move)
    stage.commit({"a/one": "2\n"}, folder=place)
    (place / ".git" / "commondir").write_text("elsewhere\n")
    result = typed("review", "WP01")
    assert result.exit_code == 0
    assert "warning: " in result.stdout
    assert "commondir" in result.stdout
    assert tip(stage) in result.stdout


def listed() -> dict[str, Any]:
    result = typed("workspace", "list", "--json")
    assert result.exit_code == 0
    data: dict[str, Any] = json.loads(result.stdout)["data"]
    return data


def test_workspace_list_shows_holder_and_standing_of_every_workspace(stage: Stage) -> None:
    place, other = stage.begin(), stage.begin("WP02")
    stage.commit({"a/one": "1\n"}, folder=place)
    (stage.root / ".worktrees" / "stray").mkdir()
    found = {it["workspace"]: it for it in listed()["workspaces"]}
    one, two, stray = found[NAME], found[other.name], found["stray"]
    assert (one["mission_slug"], one["lane_id"], one["branch"]) == (SLUG, "lane-a", LANE)
    assert (one["wp_id"], one["lane"], one["holder"]) == ("WP01", "in_progress", "coder")
    assert (one["kind"], one["standing"], one["tip"]) == (
        "shared",
        "not_taken_in",
        tip(stage, place),
    )
    assert (two["standing"], two["path"]) == ("in_step", str(other))
    assert (stray["kind"], stray["mission_slug"]) == ("no_repository", None)
    synced()
    stage.git("reset", "-q", "--hard", "HEAD~1", folder=place)
    stage.git("pack-refs", "--all", folder=other)
    (other / ".git" / "packed-refs").unlink()
    standings = {it["workspace"]: it["standing"] for it in listed()["workspaces"]}
    assert standings == {NAME: "behind", other.name: "unknown", "stray": "unknown"}


def test_workspace_list_shows_linked_worktrees_and_damaged_missions(stage: Stage) -> None:
    place = stage.root / ".worktrees" / NAME
    stage.git("worktree", "add", "-q", "-b", LANE, str(place))
    assert [it["kind"] for it in listed()["workspaces"]] == ["linked"]
    (stage.root / "kitty-specs" / SLUG / "meta.json").write_text("{")
    result = typed("workspace", "list")
    assert result.exit_code == 0
    assert "meta.json" in result.stderr


def test_workspace_list_shows_the_kind_found_on_disk(stage: Stage) -> None:
    place, other = stage.begin(), stage.begin("WP02")
    place.rename(place.with_name(f"{NAME}.kept"))
    config = stage.root / ".kitty" / "config.toml"
    config.write_text('workspace_objects = "copy"\n')
    config.chmod(0o644)
    shutil.rmtree(other / ".git")
    kinds = {it["workspace"]: it["kind"] for it in listed()["workspaces"]}
    assert kinds == {NAME: "missing", f"{NAME}.kept": "shared", other.name: "no_repository"}
    (other / ".git").symlink_to(place)
    assert {it["workspace"]: it["kind"] for it in listed()["workspaces"]}[other.name] == "other"
    assert "folder without a repository" not in typed("workspace", "list").stdout


def test_the_advice_repairs_a_linked_worktree_of_a_moved_project(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.git("worktree", "add", "-q", "-b", LANE, str(stage.root / ".worktrees" / NAME))
    moved = Stage(root=stage.root.rename(stage.root.with_name("moved here")))
    monkeypatch.chdir(moved.root)
    code, [refused] = synced()
    [one] = listed()["workspaces"]
    assert (code, refused["reason_code"], one["kind"]) == (1, "not_a_workspace", "other")
    assert one["problem"].removeprefix("it ") in refused["problem"]
    command = shlex.split(one["problem"].split("'")[1])
    assert typed(*command[1:]).exit_code == 0
    assert [it["kind"] for it in listed()["workspaces"]] == ["linked"]
    assert synced()[0] == 0


def test_a_missing_workspace_of_a_package_in_progress_is_reported_with_the_fix(
    stage: Stage,
) -> None:
    place = stage.begin(actor="ann o'hara")
    shutil.rmtree(stage.root / ".worktrees")
    code, [missing] = synced()
    assert (code, missing["outcome"], missing["path"]) == (1, "missing", str(place))
    [one] = listed()["workspaces"]
    assert (one["kind"], one["wp_id"], one["holder"]) == ("missing", "WP01", "ann o'hara")
    told = typed("sync")
    assert f'WP01 is in progress (held by "ann o\'hara"), but its workspace {place}' in told.stderr
    assert "no workspaces" not in told.stderr
    assert "There is no workspace" not in typed("workspace", "list").stdout
    command = shlex.split(one["problem"].partition("create it again: ")[2])
    assert typed(*command[1:]).exit_code == 0
    assert place.is_dir()
    assert synced()[0] == 0


def test_a_missing_workspace_of_a_blocked_package_is_not_reported(stage: Stage) -> None:
    place = stage.begin()
    shutil.rmtree(place)
    move = {"mission": SLUG, "wp": "WP01", "to": "blocked", "actor": "coder"}
    stage.done("transition", note="waits", **move)
    assert synced() == (0, [])
    assert listed()["workspaces"] == []


def test_workspace_list_shows_the_trash_with_its_dates(stage: Stage) -> None:
    assert listed()["trash"] == []
    trash = stage.root / ".worktrees" / ".trash"
    trash.mkdir(parents=True)
    for name in ("20261101T100000Z-01234567-x", "99991231T100000Z-01234567-y", "stray", "2026"):
        (trash / name).mkdir()
    first, last = listed()["trash"]
    assert (first["workspace"], first["since"][:10], first["until"][:10]) == (
        "x",
        "2026-11-01",
        "2026-11-15",
    )
    assert last["workspace"] == "y"


def test_workspace_list_is_aligned_and_escapes_control_characters(stage: Stage) -> None:
    stage.begin(actor="c\x1b[2Jö日der")
    stage.begin("WP02")
    result = typed("workspace", "list")
    header, one, two = result.stdout.splitlines()
    assert "\x1b" not in result.stdout
    assert "c\\x1b[2Jö日der" in one
    columns = [two.index("coder"), two.index("up to date")]
    assert columns == [header.index("HOLDER"), header.index("COMMITS")]
    assert (
        one.index("up to date") == columns[1] - 1
    )  # One character of the name is two columns wide.


def test_sync_and_workspace_list_are_empty_without_repository_or_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    assert synced() == (0, [])
    assert typed("sync").exit_code == 0
    bare = tmp_path / "bare"
    (bare / "kitty-specs").mkdir(parents=True)
    monkeypatch.chdir(bare)
    assert synced() == (0, [])
    assert listed()["workspaces"] == []
    assert typed("workspace", "list").stdout.startswith("There is no workspace")
