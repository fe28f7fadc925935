"""The advice on a conflict, pasted into a shell, resolves it; only the edit is made by hand."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tests.integration.stage import APPROVED, SLUG, TIMEOUT_S, Outcome, Stage, environment

EDIT = "resolve the conflict there, in "
CALL = f"{sys.executable} -m specify_cli"
Change = Callable[[Stage, Path], object]
PACKAGES: Mapping[str, Mapping[str, object]] = {
    "WP01": {"owned_files": ["one/**"]},
    "WP02": {"owned_files": ["two/**"]},
}


BEFORE = {name: f"{name} before\n" for name in ("shared", "gone", "moved", "type", "binary")}
KINDS = ("shared", "gone", "moved", "type", "binary", "added", "submodule")


def every_kind(number: int) -> Change:
    """A change that conflicts in every way with the same change of another number."""

    def change(stage: Stage, folder: Path) -> None:
        (folder / "shared").write_text(f"{number}\n")
        (folder / "binary").write_bytes(b"\0%d" % number)
        (folder / "added file").write_text(f"{number}\n")
        stage.git("mv", "moved", f"moved-{number}", folder=folder)
        for name in ("gone", "type"):
            (folder / name).unlink()
        if number == 1:
            (folder / "type").symlink_to("shared")
        else:
            (folder / "gone").write_text("still here\n")
            (folder / "type").write_text("another\n")
        entry = f"160000,{str(number) * 40},submodule"
        stage.git("update-index", "--add", "--cacheinfo", entry, folder=folder)
        stage.git("add", "--ignore-errors", "--", ":!submodule", folder=folder)
        stage.git("commit", "-q", "-m", f"change {number}", folder=folder)

    return change


def settled(folder: Path) -> None:
    """Resolve the conflict as a person would: write `both` into the files."""
    for path in folder.iterdir():
        if path.name.startswith(KINDS) and not path.is_dir():
            path.unlink()
    for name in ("shared", "moved", "type", "binary", "added file"):
        (folder / name).write_text("both\n")
    git = ("git", "-C", str(folder))
    subprocess.run([*git, "rm", "-q", "--cached", "submodule"], check=False)
    subprocess.run([*git, "add", "moved", "type"], check=True)


def writes(**files: str) -> Change:
    return lambda stage, folder: stage.commit(files, folder=folder)


def conflicting(
    stage: Stage, *changes: Change, more: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Approve both packages, and accept the mission if it has no more."""
    stage.commit(BEFORE)
    stage.write_mission({**PACKAGES, **more})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the mission")
    for wp_id, change in zip(PACKAGES, changes, strict=False):
        approved(stage, wp_id, change)
    if not more:
        stage.done("accept-mission", mission=SLUG, actor="lead")


def approved(stage: Stage, wp_id: str, change: Change) -> None:
    begun = stage.done("start-implementation", mission=SLUG, wp=wp_id, actor="coder")
    change(stage, Path(begun["workspace_path"]))
    ready = {"to": "for_review", "subtasks_complete": True}
    stage.done("transition", mission=SLUG, wp=wp_id, actor="coder", **ready)
    stage.done("start-review", mission=SLUG, wp=wp_id, actor="reviewer")
    passed = {"to": "approved", "review_result": APPROVED}
    stage.done("transition", mission=SLUG, wp=wp_id, actor="reviewer", **passed)


def pasted(
    stage: Stage, refused: Outcome, *, lane: str, edit: Callable[[Path], object] = settled
) -> str:
    """Paste every line of the advice, in order; return what they printed."""
    lines = refused.stderr.decode().splitlines()
    start = lines.index("to resolve it, run:")
    printed = ""
    for line in lines[start + 1 :]:
        if line.startswith(EDIT):
            edit(stage.root / ".worktrees" / f"{SLUG}-lane-{lane}")
            continue
        assert line.startswith("  "), refused
        printed = paste(stage, line)
        # Without a terminal, review prints the command that approves.
        for advice in re.findall(r"next: (spec-kitty review .*--approve.*)", printed):
            printed = paste(stage, advice)
    return printed


def paste(stage: Stage, line: str) -> str:
    command = re.sub(r"^ *spec-kitty\b", CALL, line, flags=re.MULTILINE)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=stage.root,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    is_merge_with_conflict = "merge --no-edit" in line
    assert done.returncode == 0 or is_merge_with_conflict, (line, done)
    return done.stdout + done.stderr


def test_advice_resolves_conflicts_of_every_kind_between_execution_lanes(stage: Stage) -> None:
    conflicting(stage, every_kind(1), every_kind(2))

    refused = stage.run("merge")
    words = refused.stderr.decode()
    assert refused.exit_code == 1
    sides = "WP02 (execution lane lane-b) conflicts with WP01 (execution lane lane-a) in "
    named = words.partition(sides)[2].partition(": ")[0].split(", ")
    assert {kind for kind in KINDS if any(it.startswith(kind) for it in named)} == {*KINDS}
    merged = pasted(stage, refused, lane="b")

    assert f"{SLUG} is merged into main: WP01, WP02" in merged
    assert {(stage.root / it).read_text() for it in ("shared", "moved", "type")} == {"both\n"}


def test_advice_resolves_conflicts_with_the_target_and_another_execution_lane(stage: Stage) -> None:
    conflicting(stage, writes(added="1\n"), writes(added="2\n", shared="2\n"))
    stage.commit({"shared": "target\n"})

    refused = stage.run("merge", "--strategy", "squash")
    words = refused.stderr.decode()
    assert "WP02 (execution lane lane-b) conflicts with the branch main in shared" in words
    assert "WP02 (execution lane lane-b) conflicts with WP01 (execution lane lane-a)" in words
    merged = pasted(stage, refused, lane="b", edit=said)

    assert f"{SLUG} is merged into main: WP01, WP02" in merged
    assert {(stage.root / it).read_text() for it in ("shared", "added")} == {"both\n"}


def test_advice_resolves_conflicts_between_dependencies(stage: Stage) -> None:
    packages = {"WP03": {"owned_files": ["three/**"], "dependencies": ["WP01", "WP02"]}}
    conflicting(stage, writes(shared="1\n"), writes(shared="2\n"), more=packages)

    refused = stage.run("implement", "WP03")
    words = refused.stderr.decode()
    assert "WP02 (execution lane lane-b) conflicts with WP01 (execution lane lane-a)" in words
    begun = pasted(stage, refused, lane="b", edit=said)

    assert "WP03 is yours" in begun
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-c"
    assert (workspace / "shared").read_text() == "both\n"


def said(folder: Path) -> None:
    for name in ("shared", "added"):
        if (folder / name).exists():
            (folder / name).write_text("both\n")


def test_update_merges_the_target_and_approved_work_into_a_workspace(stage: Stage) -> None:
    conflicting(stage, writes(one="1\n", shared="1\n"), writes(two="2\n"))
    stage.commit({"shared": "target\n", "new": "new\n"})
    workspace = stage.root / ".worktrees" / f"{SLUG}-lane-b"
    assert b"move WP02 in_progress --review-ref" in stage.run("update", "WP02").stderr
    stage.run("move", "WP02", "in_progress", "--review-ref", "again", "--actor", "coder")
    as_coder = ("update", "WP02", "--actor", "coder")

    (workspace / "draft").write_text("not committed\n")
    assert b"uncommitted work: commit or discard draft" in stage.run(*as_coder).stderr
    (workspace / "draft").unlink()
    assert b"WP02 now has main" in stage.run(*as_coder).stdout
    assert {path.name for path in workspace.iterdir()} >= {"new", "two"}
    assert b"nothing to do" in stage.run(*as_coder).stdout
    before = stage.git("rev-parse", "HEAD", folder=workspace)
    printed = pasted(stage, stage.run(*as_coder, "--with", "WP01"), lane="b", edit=said)

    assert "nothing to do" in printed
    assert stage.git("merge-base", before, "HEAD", folder=workspace) == before
    assert (workspace / "one").exists()


def test_merged_target_commits_do_not_count_as_work(stage: Stage) -> None:
    stage.write_mission(PACKAGES)
    stage.run("implement", "WP01")
    stage.commit({"new": "new\n"})

    assert b"WP01 now has main" in stage.run("update", "WP01").stdout
    refused = stage.run("implement", "WP01", "--done")

    assert b"has no commit of its own yet" in refused.stderr


def test_advice_resolves_conflicts_of_a_resumed_package(stage: Stage) -> None:
    """Another package used the execution lane meanwhile, so the work is only in the host's refs."""
    stage.commit(BEFORE)
    stage.write_mission({"WP01": {"owned_files": ["x/**"]}, "WP02": {"owned_files": ["x/**"]}})
    first = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    stage.commit({"shared": "WP01\n"}, folder=Path(first["workspace_path"]))
    waits = {"to": "blocked", "actor": "coder", "note": "waits"}
    stage.done("transition", mission=SLUG, wp="WP01", **waits)
    approved(stage, "WP02", writes(shared="WP02\n"))

    refused = stage.run("move", "WP01", "in_progress")
    lines = refused.stderr.decode().splitlines()
    edits = ['echo both >"$W/shared"' if it.startswith(EDIT) else it for it in lines]
    printed = paste(stage, "\n".join(edits[edits.index("to resolve it, run:") + 1 :]))

    assert "WP01 moved from blocked to in_progress" in printed
    assert (stage.root / f".worktrees/{SLUG}-lane-a/shared").read_text() == "both\n"
    assert stage.git("worktree", "list").count("\n") == 0
