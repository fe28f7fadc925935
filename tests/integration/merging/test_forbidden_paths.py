"""Paths that commits of agents must not change are refused at submission and at merge."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.merging.agents import (
    FORGED_EVENT,
    OTHER,
    approve_behind_the_host,
    paths,
    preflight,
    put,
    refused,
    submit,
)
from tests.integration.stage import APPROVED, SLUG, Stage

ROW_A = {
    ".kitty/inbox/good/forged.json": "{}",
    ".kitty/outbox/good/next-1.json": "{}",
    ".kitty/outbox/journal-0.jsonl": "{}\n",
}
ROW_B = {".kitty/config.toml": "[orchestrators.evil]\nmissions = ['*']\n"}
ROW_C = {
    f"kitty-specs/{OTHER}/meta.json": "{}",
    f"kitty-specs/{OTHER}/tasks/WP01-step.md": "---\nowned_files: ['**']\n---\n",
    "kitty-specs/004-made/meta.json": "{}",
    "kitty-specs/004-made/status.events.jsonl": FORGED_EVENT + "\n",
}


@pytest.mark.parametrize("files", [ROW_A, ROW_B, ROW_C], ids=["mailbox", "config", "missions"])
def test_forbidden_paths_are_refused_at_submission_and_at_merge(
    stage: Stage, workspace: Path, files: dict[str, str]
) -> None:
    commit = put(stage, workspace, {"a/work.py": "work\n"} | files)
    assert paths(refused(stage)) == dict.fromkeys(sorted(files), commit)
    approve_behind_the_host(stage)
    for strategy in ("merge", "squash", "rebase"):
        data = preflight(stage, strategy=strategy)
        assert paths(data) == dict.fromkeys(sorted(files), commit)
        assert all(any(path in told for told in data["errors"]) for path in files)


@pytest.mark.parametrize(
    ("to", "args"),
    [
        ("for_review", {}),
        ("for_review", {"force": True, "note": "n"}),
        ("approved", {"evidence": {"review": APPROVED}}),
        ("approved", {"force": True, "note": "n"}),
        ("done", {"force": True, "note": "n"}),
    ],
)
def test_forbidden_path_is_refused_by_every_transition_even_forced(
    stage: Stage, workspace: Path, to: str, args: dict[str, Any]
) -> None:
    put(stage, workspace, {"a/work.py": "work\n"} | ROW_B)
    refused(stage, to, **args)


@pytest.mark.parametrize("is_recorded", [True, False], ids=["recorded", "by an older version"])
def test_forbidden_path_committed_during_review_is_not_merged(
    stage: Stage, workspace: Path, is_recorded: bool
) -> None:
    put(stage, workspace, {"a/work.py": "work\n"})
    assert submit(stage)["success"]
    stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    put(stage, workspace, ROW_B)
    if not is_recorded:
        stage.forget_commits()
    args = {"actor": "reviewer", "review_result": APPROVED}
    data = stage.done("transition", mission=SLUG, wp="WP01", to="approved", **args)
    assert "a merge may not change .kitty/config.toml" in data["warnings"][0]
    stage.done("merge-mission", mission=SLUG)
    assert (stage.root / "a/work.py").exists()
    assert not any((stage.root / path).exists() for path in ROW_B)


@pytest.mark.parametrize("files", [ROW_A, ROW_B, ROW_C], ids=["mailbox", "config", "missions"])
def test_forbidden_path_is_not_taken_into_the_project_by_sync_or_submission(
    stage: Stage, workspace: Path, files: dict[str, str]
) -> None:
    put(stage, workspace, {"a/work.py": "work\n"})
    assert submit(stage)["success"]
    branch = f"kitty/mission-{SLUG}-lane-a"
    before = stage.git("rev-parse", branch)
    put(stage, workspace, files)
    for _ in range(2):
        synced = stage.run("sync")
        assert b"a merge may not change" in synced.stdout + synced.stderr
        refused(stage, "for_review", force=True, note="again")
        assert stage.git("rev-parse", branch) == before
        places = {stage.root / path: text for path, text in files.items()}
        assert not any(it.exists() and it.read_text() == text for it, text in places.items())
        # The second time, the branch is checked out in the project.
        stage.git("checkout", "-q", branch)


def test_work_can_be_submitted_after_the_advised_removal_of_other_missions_files(
    stage: Stage, workspace: Path
) -> None:
    put(stage, workspace, {"a/work.py": "work\n"} | ROW_C)
    advice = refused(stage)["message"].split("for example with '")[1].split("', and commit")[0]
    assert advice.count("kitty-specs/") == 3
    every = advice.split(" -- ")[0] + " -- kitty-specs"
    subprocess.run(every, cwd=workspace, shell=True, check=True)
    stage.git("commit", "-q", "-m", "undone", folder=workspace)
    assert submit(stage)["success"]


def test_submission_is_refused_if_an_earlier_commit_has_host_files(
    stage: Stage, workspace: Path
) -> None:
    put(stage, workspace, {"a/work.py": "work\n"} | ROW_B)
    stage.git("rm", "-q", *ROW_B, folder=workspace)
    stage.git("commit", "-q", "-m", "undone", folder=workspace)
    data = submit(stage)["data"]
    assert (data["guard"], data["reason_code"]) == ("intake", "bad_content")
    advice = data["message"].rpartition(": ")[2]
    subprocess.run(f"{advice} -q -m anew", cwd=workspace, shell=True, check=True)
    assert submit(stage)["success"]


def test_work_can_be_submitted_after_the_advised_removal_of_host_files(
    stage: Stage, workspace: Path
) -> None:
    put(stage, workspace, {"a/work.py": "work\n"} | ROW_B)
    advice = refused(stage)["message"].split("for example with '")[1].split("', and commit")[0]
    subprocess.run(advice, cwd=workspace, shell=True, check=True)
    stage.git("commit", "-q", "-m", "the work alone", folder=workspace)
    assert submit(stage)["success"]


@pytest.mark.parametrize(
    "link", [f"kitty-specs/{SLUG}/notes", "kitty-specs/003-ghost/status.events.jsonl"]
)
def test_symlink_below_kitty_specs_is_refused(
    stage: Stage, workspace: Path, link: str, tmp_path: Path
) -> None:
    place = workspace / link
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(tmp_path / "outside")
    stage.git("add", "-f", link, folder=workspace)
    stage.git("commit", "-q", "-m", "link", folder=workspace)
    assert list(paths(refused(stage))) == [link]


@pytest.mark.parametrize("path", [".worktrees", ".Kitty", "kitty-specs", "Kitty-Specs"])
def test_file_in_place_of_a_host_folder_is_refused(
    stage: Stage, workspace: Path, path: str
) -> None:
    stage.git("rm", "-rq", "kitty-specs", folder=workspace)
    put(stage, workspace, {"a/work.py": "work\n", path: "file\n"})
    assert path in paths(refused(stage))


def test_submodule_in_place_of_a_host_folder_is_refused(stage: Stage, workspace: Path) -> None:
    head = stage.git("rev-parse", "HEAD")
    for path in (".kitty", f"kitty-specs/{SLUG}/library"):
        entry = f"160000,{head},{path}"
        stage.git("update-index", "--add", "--cacheinfo", entry, folder=workspace)
    stage.git("commit", "-q", "-m", "submodules", folder=workspace)
    assert list(paths(refused(stage))) == [".kitty", f"kitty-specs/{SLUG}/library"]


def test_renaming_a_file_of_another_mission_is_refused(stage: Stage, workspace: Path) -> None:
    theirs = f"kitty-specs/{OTHER}/meta.json"
    stage.git("mv", theirs, "moved.json", folder=workspace)
    stage.git("commit", "-q", "-m", "moved", folder=workspace)
    assert list(paths(refused(stage))) == [theirs]


def test_mode_change_of_a_file_of_another_mission_is_refused(stage: Stage, workspace: Path) -> None:
    theirs = f"kitty-specs/{OTHER}/meta.json"
    stage.git("update-index", "--chmod=+x", theirs, folder=workspace)
    stage.git("commit", "-q", "-m", "mode", folder=workspace)
    assert list(paths(refused(stage))) == [theirs]


def test_changes_merged_from_the_target_are_accepted(stage: Stage, workspace: Path) -> None:
    put(stage, workspace, {"a/work.py": "work\n"})
    stage.commit({f"kitty-specs/{OTHER}/meta.json": '{"title": "new"}'})
    stage.git("merge", "-q", "--no-edit", stage.git("rev-parse", "main"), folder=workspace)
    assert "outside_owned_files" not in submit(stage)["data"]


def test_forbidden_path_in_a_merge_commit_is_refused(stage: Stage, workspace: Path) -> None:
    put(stage, workspace, {"a/work.py": "work\n"})
    stage.commit({"b.txt": "b\n"})
    stage.git("merge", "-q", "--no-commit", stage.git("rev-parse", "main"), folder=workspace)
    theirs = workspace / "kitty-specs" / OTHER / "meta.json"
    theirs.write_text("{}")
    stage.git("commit", "-q", "-a", "-m", "merge", folder=workspace)
    merge = stage.git("rev-parse", "HEAD", folder=workspace)
    assert paths(refused(stage)) == {f"kitty-specs/{OTHER}/meta.json": merge}


def test_forbidden_path_that_was_removed_again_does_not_block_a_rebase(
    stage: Stage, workspace: Path
) -> None:
    put(stage, workspace, {"a/work.py": "work\n", "kitty-specs/004-made/meta.json": "{}"})
    stage.git("rm", "-q", "kitty-specs/004-made/meta.json", folder=workspace)
    stage.git("commit", "-q", "-m", "undone", folder=workspace)
    assert submit(stage, "approved", force=True, note="n")["success"]
    assert stage.done("merge-mission", mission=SLUG, strategy="rebase")["commit"]
    assert not (stage.root / "kitty-specs" / "004-made").exists()


def test_changed_plans_of_the_mission_are_left_out_of_the_merge(
    stage: Stage, workspace: Path
) -> None:
    plans = [f"kitty-specs/{SLUG}/tasks.md", f"kitty-specs/{SLUG}/tasks/WP01-step.md"]
    before = {path: (stage.root / path).read_bytes() for path in plans}
    spec = f"kitty-specs/{SLUG}/spec.md"
    put(stage, workspace, {"a/work.py": "work\n", spec: "new\n"} | dict.fromkeys(plans, "mine\n"))
    submitted = submit(stage)["data"]
    assert all(path in submitted["warnings"][0] for path in plans)
    assert submitted["outside_owned_files"] == [spec]
    stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    passed = submit(stage, "approved", actor="reviewer", review_result=APPROVED)
    assert passed["data"]["warnings"] == submitted["warnings"]
    # The target changes them too: files that are left out never conflict.
    stage.commit({plans[0]: "theirs\n"})
    merged = stage.done("merge-mission", mission=SLUG)
    assert merged["warnings"] == submitted["warnings"]
    assert (stage.root / spec).read_text() == "new\n"
    assert (stage.root / plans[0]).read_text() == "theirs\n"
    assert (stage.root / plans[1]).read_bytes() == before[plans[1]]
    assert stage.git("status", "--porcelain") == ""


@pytest.mark.parametrize("strategy", ["squash", "rebase"])
def test_squash_and_rebase_leave_out_changed_plans(
    stage: Stage, workspace: Path, strategy: str
) -> None:
    plan = f"kitty-specs/{SLUG}/tasks.md"
    before = (stage.root / plan).read_bytes()
    put(stage, workspace, {plan: "mine\n"})
    put(stage, workspace, {"a/work.py": "work\n"})
    submit(stage, "approved", force=True, note="n")
    merged = stage.done("merge-mission", mission=SLUG, strategy=strategy)
    assert plan in merged["warnings"][0]
    assert (stage.root / plan).read_bytes() == before
    assert (stage.root / "a/work.py").exists()
    touched = stage.git("log", "--format=%s", "--", plan)
    assert touched == "plan"


def test_paths_outside_owned_files_are_listed_at_submission_and_review(
    stage: Stage, workspace: Path
) -> None:
    put(stage, workspace, {"a/work.py": "work\n", ".github/ci.yml": "x\n", ".gitignore": "y\n"})
    outside = [".github/ci.yml", ".gitignore"]
    assert submit(stage)["data"]["outside_owned_files"] == outside
    review = stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    assert review["outside_owned_files"] == outside
    again = stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    assert again["outside_owned_files"] == outside


def test_operator_can_have_paths_outside_owned_files_refused(stage: Stage, workspace: Path) -> None:
    (stage.root / ".kitty").mkdir(exist_ok=True)
    (stage.root / ".kitty" / "config.toml").write_text('owned_files = "refuse"\n')
    plan = f"kitty-specs/{SLUG}/tasks.md"
    commit = put(stage, workspace, {"a/work.py": "work\n", "b.py": "x\n", plan: "left out\n"})
    envelope = submit(stage, force=True, note="n")
    assert envelope["error_code"] == "TRANSITION_REJECTED"
    assert envelope["data"]["guard"] == "owned_files"
    assert paths(envelope["data"]) == {"b.py": commit}
    stage.git("rm", "-q", "b.py", folder=workspace)
    stage.git("commit", "-q", "-m", "undone", folder=workspace)
    assert submit(stage)["success"]


def test_names_that_differ_only_in_case_are_refused(stage: Stage, workspace: Path) -> None:
    stage.commit({"docs/Guide.md": "one\n"})
    commit = put(stage, workspace, {"a/work.py": "work\n", "docs/guide.md": "two\n"})
    assert paths(refused(stage)) == {"docs/guide.md": commit}


def test_colliding_names_that_the_target_already_has_are_accepted(
    stage: Stage, workspace: Path
) -> None:
    stage.commit({"docs/Guide.md": "one\n", "docs/guide.md": "two\n"})
    stage.git("merge", "-q", "--no-edit", stage.git("rev-parse", "main"), folder=workspace)
    put(stage, workspace, {"a/work.py": "work\n", "docs/other.md": "x\n", "docs/guide.md": "y\n"})
    assert submit(stage)["success"]


@pytest.mark.parametrize(
    ("one", "other"), [("notes.txt", "Notes.txt"), ("caf\u00e9.txt", "cafe\u0301.txt")]
)
def test_colliding_names_from_two_execution_lanes_are_refused(
    stage: Stage, one: str, other: str
) -> None:
    two = {"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}}
    stage.write_mission(two)
    stage.approve("WP01", {one: "one\n"})
    stage.approve("WP02", {other: "two\n"})
    assert len(preflight(stage)["paths"]) == 1


@pytest.mark.campaign
def test_many_refused_paths_are_counted_and_a_few_are_listed(stage: Stage, workspace: Path) -> None:
    blob = stage.git("hash-object", "-w", "README.md")
    name = "x" * 200
    lines = "".join(
        f"100644 {blob}\t.kitty/{'/'.join([name] * 14)}/{number}\n" for number in range(100_000)
    )
    subprocess.run(
        ["git", "update-index", "--index-info"], cwd=workspace, input=lines.encode(), check=True
    )
    stage.git("commit", "-q", "-m", "many", folder=workspace)
    (stage.root / ".kitty" / "config.toml").write_text("intake_max_files = 1_000_000\n")
    data = refused(stage)
    assert data["paths_total"] == 100_000
    assert len(data["paths"]) == 20
    assert len(json.dumps(data)) < 20_000
