"""A push that is slow, or whose outcome is unknown, blocks no other request and loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.workflow.merge_run import MergeRun
from tests.integration.stage import SLUG, Stage
from tests.patience import LONGEST_S, wait_until

OTHER = "002-other"
WAITS = """#!/bin/sh
touch {begun}
tries=0
while test ! -e {gate} && test $tries -lt 30000; do tries=$((tries + 1)); sleep 0.02; done
exit {status}
"""
"""It ends after ten minutes, so that no test leaves it running."""


class Origin:
    """A remote whose hook waits for the gate file."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.path = stage, folder / "origin.git"
        self.gate, self.begun = folder / "gate", folder / "begun"
        stage.git("init", "-q", "--bare", "-b", "main", str(self.path))
        stage.git("remote", "add", "origin", str(self.path))
        # As on another machine: it continues if the sender and all its processes are killed.
        stage.git("config", "remote.origin.receivepack", "setsid --wait git-receive-pack")
        stage.git("push", "-q", "origin", "main")

    def wait_for_gate(self, *, status: int = 0) -> None:
        hook = self.path / "hooks" / "pre-receive"
        hook.write_text(WAITS.format(begun=self.begun, gate=self.gate, status=status))
        hook.chmod(0o755)

    @property
    def tip(self) -> str:
        return self.stage.git("rev-parse", "main", folder=self.path)


@pytest.fixture
def origin(stage: Stage, tmp_path: Path) -> Iterator[Origin]:
    stage.write_mission({"WP01": {"owned_files": ["src/**"]}})
    stage.write_mission({"WP01": {"owned_files": ["lib/**"]}}, slug=OTHER)
    stage.approve("WP01", {"src/work.py": "work\n"})
    made = Origin(stage, tmp_path)
    yield made
    made.gate.touch()


@pytest.fixture
def _hurried(stage: Stage) -> None:
    (stage.root / ".kitty").mkdir(exist_ok=True)
    (stage.root / ".kitty" / "config.toml").write_text("push_timeout_s = 1\n")


def merge(stage: Stage, **args: Any) -> dict[str, Any]:
    return stage.ask("merge-mission", mission=SLUG, push=True, **args)


def refuse(*_: object) -> None:
    raise StorageFailed("no space")


class Merging(threading.Thread):
    """A merge in another thread."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        self._stage = stage
        self.envelope: dict[str, Any] = {}
        self.start()

    def run(self) -> None:
        self.envelope = merge(self._stage)

    def ended(self) -> dict[str, Any]:
        self.join(LONGEST_S)
        return self.envelope


@pytest.mark.usefixtures("_hurried")
def test_push_that_arrives_after_its_timeout_is_found_by_the_next_merge(
    stage: Stage, origin: Origin
) -> None:
    origin.wait_for_gate()
    before = stage.git("rev-parse", "main")
    refused = merge(stage)
    assert (refused["error_code"], refused["data"]["retryable"]) == ("PREFLIGHT_FAILED", True)
    assert stage.git("rev-parse", "main") == before == origin.tip
    assert stage.lane("WP01") == "approved"
    origin.gate.touch()
    wait_until(lambda: origin.tip != before)
    assert merge(stage)["data"]["merged_wps"] == ["WP01"]
    assert origin.tip == stage.git("rev-parse", "main")
    assert (stage.root / "src/work.py").read_text() == "work\n"
    assert stage.lane("WP01") == "done"


@pytest.mark.usefixtures("_hurried")
def test_push_that_never_arrived_is_repeated_by_the_next_merge(
    stage: Stage, origin: Origin
) -> None:
    origin.wait_for_gate(status=1)
    assert merge(stage)["error_code"] == "PREFLIGHT_FAILED"
    origin.gate.touch()
    (origin.path / "hooks" / "pre-receive").unlink()
    done = stage.done("merge-mission", mission=SLUG)
    assert done["merged_wps"] == ["WP01"]
    assert origin.tip == stage.git("rev-parse", "main")


@pytest.mark.usefixtures("_hurried")
def test_commits_on_top_of_a_push_with_unknown_outcome_are_kept(
    stage: Stage, origin: Origin, tmp_path: Path
) -> None:
    origin.wait_for_gate()
    before = origin.tip
    merge(stage)
    origin.gate.touch()
    wait_until(lambda: origin.tip != before)
    stage.git("clone", "-q", str(origin.path), str(tmp_path / "colleague"))
    stage.commit({"theirs.txt": "theirs\n"}, folder=tmp_path / "colleague")
    stage.git("push", "-q", folder=tmp_path / "colleague")
    assert stage.done("merge-mission", mission=SLUG)["merged_wps"] == ["WP01"]
    stage.git("pull", "-q", "--ff-only", "origin", "main")
    assert origin.tip == stage.git("rev-parse", "main")


@pytest.mark.usefixtures("_hurried")
def test_merge_is_refused_if_the_remote_has_moved_and_succeeds_after_a_pull(
    stage: Stage, origin: Origin, tmp_path: Path
) -> None:
    origin.wait_for_gate(status=1)
    merge(stage)
    origin.gate.touch()
    (origin.path / "hooks" / "pre-receive").unlink()
    stage.git("clone", "-q", str(origin.path), str(tmp_path / "colleague"))
    stage.commit({"theirs.txt": "theirs\n"}, folder=tmp_path / "colleague")
    stage.git("push", "-q", folder=tmp_path / "colleague")
    assert merge(stage)["error_code"] == "PREFLIGHT_FAILED"
    stage.git("pull", "-q", "--ff-only", "origin", "main")
    assert merge(stage)["data"]["merged_wps"] == ["WP01"]
    assert origin.tip == stage.git("rev-parse", "main")


def test_other_requests_do_not_wait_for_a_push(stage: Stage, origin: Origin) -> None:
    origin.wait_for_gate()
    merging = Merging(stage)
    wait_until(origin.begun.exists)
    stage.approve("WP01", {"lib/work.py": "other\n"}, slug=OTHER)
    stage.done("accept-mission", mission=OTHER, actor="ada")
    stage.done("append-history", mission=SLUG, wp="WP01", actor="ada", note="meanwhile")
    second = merge(stage)
    assert (second["error_code"], second["data"]["retryable"]) == ("PREFLIGHT_FAILED", True)
    assert merging.is_alive()
    origin.gate.touch()
    assert merging.ended()["data"]["merged_wps"] == ["WP01"]
    # The acceptance and the note made meanwhile are not lost.
    assert stage.git("merge-base", "--is-ancestor", origin.tip, "main") == ""
    assert stage.git("status", "--porcelain", "--untracked-files=no") == ""
    assert "meanwhile" in stage.git("show", f"main:kitty-specs/{SLUG}/status.events.jsonl")
    assert "accepted" in stage.git("show", f"main:kitty-specs/{OTHER}/status.events.jsonl")
    assert stage.lane("WP01") == "done"
    assert stage.done("merge-mission", mission=OTHER, push=True)["merged_wps"] == ["WP01"]
    assert origin.tip == stage.git("rev-parse", "main")


def test_package_cannot_be_sent_back_while_its_merge_is_pushed(
    stage: Stage, origin: Origin
) -> None:
    origin.wait_for_gate()
    merging = Merging(stage)
    wait_until(origin.begun.exists)
    back: dict[str, Any] = {"to": "in_progress", "actor": "reviewer", "review_ref": "r2"}
    forced: dict[str, Any] = {"force": True, "note": "now"}
    for how in (back, back | forced):
        refused = stage.ask("transition", mission=SLUG, wp="WP01", **how)
        assert refused["error_code"] == "TRANSITION_REJECTED"
        assert refused["data"]["guard"] == "merge"
    origin.gate.touch()
    assert merging.ended()["success"]
    assert stage.lane("WP01") == "done"


def test_package_can_be_sent_back_after_its_push_was_refused(stage: Stage, origin: Origin) -> None:
    origin.wait_for_gate(status=1)
    origin.gate.touch()
    assert merge(stage)["error_code"] == "PREFLIGHT_FAILED"
    back = {"to": "in_progress", "actor": "reviewer", "review_ref": "r2"}
    stage.done("transition", mission=SLUG, wp="WP01", **back)


def test_merge_whose_target_has_moved_does_not_contact_the_remote_again(
    stage: Stage, origin: Origin
) -> None:
    # Only the target has moved.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MergeRun, "_record", refuse)
        assert merge(stage)["error_code"] == "STORAGE_FAILED"
    origin.path.rename(origin.path.with_name("moved.git"))
    assert stage.done("merge-mission", mission=SLUG)["merged_wps"] == ["WP01"]


@pytest.mark.parametrize("arrives", [True, False])
def test_merge_killed_while_pushing_is_completed_by_the_next_one(
    stage: Stage, origin: Origin, arrives: bool
) -> None:
    origin.wait_for_gate(status=0 if arrives else 1)
    before = origin.tip
    process = stage.start("orchestrator-api", "merge-mission", "--mission", SLUG, "--push")
    wait_until(origin.begun.exists)
    process.kill()
    process.wait(LONGEST_S)
    origin.gate.touch()
    if arrives:
        wait_until(lambda: origin.tip != before)
    else:
        (origin.path / "hooks" / "pre-receive").unlink()
    assert stage.done("merge-mission", mission=SLUG)["merged_wps"] == ["WP01"]
    assert origin.tip == stage.git("rev-parse", "main") != before
    assert stage.lane("WP01") == "done"
    assert [event.get("to_lane") for event in stage.events()].count("done") == 1


@pytest.mark.usefixtures("_hurried")
def test_refused_second_push_does_not_lose_the_first_that_arrives_later(
    stage: Stage, origin: Origin
) -> None:
    origin.wait_for_gate()
    before = origin.tip
    assert merge(stage)["error_code"] == "PREFLIGHT_FAILED"
    hook = origin.path / "hooks" / "pre-receive"
    waiting = hook.rename(hook.with_name("waiting"))
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert merge(stage)["error_code"] == "PREFLIGHT_FAILED"
    assert stage.lane("WP01") == "approved"
    origin.gate.touch()
    wait_until(lambda: origin.tip != before)
    assert merge(stage)["data"]["merged_wps"] == ["WP01"]
    assert origin.tip == stage.git("rev-parse", "main")
    assert [event.get("to_lane") for event in stage.events()].count("done") == 1
    assert waiting.exists()
