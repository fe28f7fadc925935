"""An interrupted request is completed once, by a request with the same id and body."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.errors import StorageFailed
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.workflow.merge_run import MergeRun
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.doors import KilledHost, answer, body, committed_before_the_answer

pytestmark = pytest.mark.long

MERGE = {"mission": SLUG}
ACCEPT = {"mission": SLUG, "actor": "ada"}
NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}


def kill(stage: Stage, command: str, args: dict[str, Any]) -> None:
    """Kill the host after request `one` had its effects and before its answer is recorded."""
    with pytest.raises(StorageFailed):
        Dispatcher(KilledHost(stage.root)).answer_bytes(
            body("one", command, args), stem="one", identity="default"
        )


def ask(stage: Stage, command: str, args: dict[str, Any], stem: str = "one") -> dict[str, Any]:
    return answer(stage, body(stem, command, args), stem=stem, identity="default")


def log(stage: Stage) -> Any:
    return stage.root / "kitty-specs" / SLUG / "status.events.jsonl"


def kill_merge(stage: Stage, *, is_recorded: bool) -> None:
    """Kill a merge after its target has moved, before or after its events are in the log."""
    stage.approve("WP01", {"one.txt": "1\n"})
    if is_recorded:
        kill(stage, "merge-mission", MERGE)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MergeRun, "_record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ask(stage, "merge-mission", MERGE)


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def dones(stage: Stage) -> int:
    return [event.get("to_lane") for event in stage.events()].count("done")


@pytest.mark.parametrize(
    ("command", "args", "other"),
    [
        ("append-history", NOTE, {"note": "other"}),
        ("start-implementation", {"mission": SLUG, "wp": "WP01", "actor": "ada"}, {"actor": "bo"}),
    ],
)
def test_a_different_body_under_the_id_of_an_interrupted_request_conflicts(
    stage: Stage, command: str, args: dict[str, Any], other: dict[str, Any]
) -> None:
    with committed_before_the_answer():
        kill(stage, command, args)
    before = stage.events()
    refused = ask(stage, command, args | other)
    assert refused["error_code"] == "CORRELATION_ID_CONFLICT"
    assert ask(stage, command, args)["success"]
    assert stage.events() == before


@pytest.mark.parametrize(
    "committing",
    [nullcontext, committed_before_the_answer],
    ids=["this release", "a former release"],
)
def test_an_interrupted_acceptance_is_completed_once(
    stage: Stage, committing: Callable[[], AbstractContextManager[None]]
) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    with committing():
        kill(stage, "accept-mission", ACCEPT)
    again = ask(stage, "accept-mission", ACCEPT)
    assert again["success"], again
    accepted = [event for event in stage.events() if event.get("kind") == "mission_accepted"]
    assert len(accepted) == 1
    assert stage.journal()[-1]["event_ids"] == [accepted[0]["event_id"]]
    assert stage.git("log", "--format=%s").count("Accept mission") == 1


def acceptances(stage: Stage) -> int:
    return [event.get("kind") for event in stage.events()].count("mission_accepted")


def test_an_interrupted_acceptance_that_git_refuses_is_abandoned(stage: Stage) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    kill(stage, "accept-mission", ACCEPT)
    stage.git("reset", "-q", "HEAD~1")
    lock = stage.root / ".git" / "index.lock"
    lock.touch()
    assert ask(stage, "accept-mission", ACCEPT)["error_code"] == "PREFLIGHT_FAILED"
    assert acceptances(stage) == 0
    lock.unlink()
    assert ask(stage, "accept-mission", ACCEPT, stem="two")["success"]
    assert acceptances(stage) == 1


def test_an_interrupted_acceptance_is_refused_if_a_package_is_no_longer_approved(
    stage: Stage,
) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    kill(stage, "accept-mission", ACCEPT)
    back = {"to": "in_progress", "actor": "reviewer", "review_ref": "r2"}
    assert ask(stage, "transition", {"mission": SLUG, "wp": "WP01", **back}, stem="two")["success"]
    assert ask(stage, "accept-mission", ACCEPT)["error_code"] == "MISSION_NOT_READY"
    assert acceptances(stage) == 0
    # The committed log is the same.
    committed = stage.git("show", f"HEAD:kitty-specs/{SLUG}/status.events.jsonl")
    assert committed.strip().encode() == log(stage).read_bytes().strip()
    assert bootstrap.ProjectHost(stage.root).intents() == []


@pytest.mark.parametrize("is_recorded", [True, False])
def test_an_interrupted_merge_is_recorded_once(stage: Stage, is_recorded: bool) -> None:
    kill_merge(stage, is_recorded=is_recorded)
    answer = ask(stage, "merge-mission", MERGE)
    assert answer["success"], answer
    assert dones(stage) == 1
    commit = stage.git("rev-parse", "main")
    assert (answer["data"]["commit"], stage.journal()[-1]["commits"]) == (commit, [commit])


@pytest.mark.parametrize("is_recorded", [True, False])
def test_an_interrupted_merge_does_not_move_its_target_twice(
    stage: Stage, is_recorded: bool
) -> None:
    kill_merge(stage, is_recorded=is_recorded)
    stage.commit({"later.txt": "later\n"})
    tip = stage.git("rev-parse", "main")
    again = ask(stage, "merge-mission", MERGE)
    assert again["success"], again
    assert stage.git("rev-parse", "main") == tip


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_different_merge_under_the_id_of_an_interrupted_one_conflicts(
    stage: Stage, is_recorded: bool
) -> None:
    kill_merge(stage, is_recorded=is_recorded)
    other = ask(stage, "merge-mission", MERGE | {"strategy": "squash"})
    assert other["error_code"] == "CORRELATION_ID_CONFLICT"


def test_an_interrupted_merge_without_an_intent_is_known_by_its_events(stage: Stage) -> None:
    kill_merge(stage, is_recorded=True)
    assert ask(stage, "merge-mission", MERGE, stem="two")["success"]
    assert bootstrap.ProjectHost(stage.root).intents() == []
    other = ask(stage, "merge-mission", MERGE | {"strategy": "squash"})
    assert other["error_code"] == "CORRELATION_ID_CONFLICT"


def test_a_merge_that_cannot_be_recorded_succeeds_when_repeated(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})

    def refuse(*_: object) -> None:
        raise StorageFailed("no space")

    monkeypatch.setattr(MergeRun, "_record", refuse)
    with pytest.raises(StorageFailed):
        ask(stage, "merge-mission", MERGE)
    monkeypatch.undo()
    assert ask(stage, "merge-mission", MERGE)["success"]
    assert dones(stage) == 1


LYING_GIT = """#!/bin/sh
if [ -e {folder}/moved ] && [ ! -e {folder}/lied ]; then : > {folder}/lied; exit 1; fi
{git} "$@" || exit $?
case " $* " in *" update-ref "*" refs/heads/main "*) : > {folder}/moved; exit 1 ;; esac
"""


FULL_DISK = """#!/bin/sh
if [ -e {folder}/full ]; then case " $* " in *" read-tree "* | *" update-index "*) exit 1 ;; esac; fi
{git} "$@" || exit $?
case " $* " in *" read-tree -m -u "*) : > {folder}/full; exit 1 ;; esac
"""


def put_before_git(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "bin" / "git"
    path.parent.mkdir()
    path.write_text(script.format(folder=folder, git=shutil.which("git")))
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def test_a_merge_with_a_false_git_failure_is_completed_by_the_same_request(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    put_before_git(LYING_GIT, tmp_path, monkeypatch)
    with pytest.raises(StorageFailed):
        ask(stage, "merge-mission", MERGE)
    made = stage.git("rev-parse", "main")
    again = ask(stage, "merge-mission", MERGE)
    assert again["success"], again
    assert again["data"]["commit"] == made == stage.git("rev-parse", "main")
    assert dones(stage) == 1


def test_a_checkout_interrupted_by_a_full_disk_is_completed_by_the_next_merge(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.approve("WP01", {"one.txt": "1\n"})
    put_before_git(FULL_DISK, tmp_path, monkeypatch)
    refused = ask(stage, "merge-mission", MERGE)
    assert refused["error_code"] == "STORAGE_FAILED"
    assert refused["data"]["retryable"]
    (tmp_path / "full").unlink()
    monkeypatch.undo()
    assert ask(stage, "merge-mission", MERGE, stem="two")["success"]
    assert dones(stage) == 1
    assert stage.git("status", "--porcelain", "one.txt") == ""
