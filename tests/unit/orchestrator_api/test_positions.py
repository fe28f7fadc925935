"""Positions of reads, and reads that wait for a change."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from specify_cli import bootstrap
from tests.integration.stage import SLUG, Stage
from tests.unit.orchestrator_api.doors import answer, body

READS = ("mission-state", "list-ready")


def read(project: Stage, command: str = "mission-state", **args: Any) -> dict[str, Any]:
    return project.done(command, mission=SLUG, policy=None, **args)


def start(project: Stage, wp: str = "WP01", actor: str = "coder") -> None:
    claim = {"to": "claimed", "actor": actor}
    project.done("transition", mission=SLUG, wp=wp, **claim)


@pytest.mark.parametrize("command", READS)
def test_a_position_changes_with_the_mission_and_equals_that_of_the_mailbox(
    project: Stage, command: str
) -> None:
    project.done("append-history", mission=SLUG, wp="WP01", actor="coder", note="begun")
    first = read(project, command)
    assert read(project, command) == first
    again = read(project, command, after=first["position"], wait_s=0)
    assert again == {**first, "changed": False}
    raw = body("one", command, {"mission": SLUG}, policy=None)
    assert answer(project, raw, identity="default")["data"] == first
    start(project)
    now = read(project, command, after=first["position"], wait_s=300)
    assert (now["changed"], now["position"] != first["position"]) == (True, True)


def test_a_rewind_does_not_restore_an_earlier_position(project: Stage) -> None:
    project.done("append-history", mission=SLUG, wp="WP01", actor="coder", note="begun")
    event = project.events()[-1]["event_id"]
    first = read(project)
    start(project)
    back = {"to": event, "reason": "again", "actor": "op", "force": True}
    project.done("rewind-mission", mission=SLUG, policy=None, **back)
    now = read(project, after=first["position"])
    assert now["work_packages"] == first["work_packages"]
    assert (now["changed"], now["position"] != first["position"]) == (True, True)


def test_an_edited_prompt_file_counts_as_a_change(project: Stage) -> None:
    first = read(project)
    tasks = project.root / "kitty-specs" / SLUG / "tasks"
    prompt = next(tasks.glob("WP01*"))
    (tasks / "WP03-more.md").write_text(prompt.read_text().replace("WP01", "WP03"))
    assert read(project, after=first["position"], wait_s=300)["changed"] is True


@pytest.mark.parametrize("after", ["0" * 32, "x", "another command"])
def test_an_invalid_position_is_refused(project: Stage, after: str) -> None:
    if after == "another command":
        after = read(project, "list-ready")["position"]
    found = project.ask("mission-state", mission=SLUG, policy=None, after=after, wait_s=300)
    assert found["error_code"] == "USAGE_ERROR"
    assert "'after'" in found["data"]["message"]


def test_a_position_of_another_mission_is_refused(project: Stage) -> None:
    project.write_mission({"WP01": {}}, slug="002-other")
    after = project.done("mission-state", mission="002-other", policy=None)["position"]
    found = project.ask("mission-state", mission=SLUG, policy=None, after=after)
    assert found["error_code"] == "USAGE_ERROR"


@pytest.mark.parametrize("wait_s", [-1, 301, 1.5, "5", True])
def test_a_wait_outside_the_bounds_is_refused(project: Stage, wait_s: object) -> None:
    found = project.ask("list-ready", mission=SLUG, policy=None, wait_s=wait_s)
    assert found["error_code"] == "USAGE_ERROR"
    assert "'wait_s' (--wait-s)" in found["data"]["message"]


def test_a_read_at_the_command_line_waits_for_a_change_or_the_timeout(project: Stage) -> None:
    project.done("append-history", mission=SLUG, wp="WP01", actor="coder", note="begun")
    first = read(project)
    began = time.monotonic()
    assert read(project, after=first["position"], wait_s=1)["changed"] is False
    assert time.monotonic() - began >= 1
    found: list[dict[str, Any]] = []

    def wait() -> None:
        found.append(read(project, after=first["position"], wait_s=250))

    waiting = threading.Thread(target=wait)
    waiting.start()
    start(project)
    waiting.join()
    assert found[0]["changed"] is True


def test_a_note_ends_the_wait_only_of_reads_that_show_it(project: Stage) -> None:
    start(project)
    seen = {command: read(project, command)["position"] for command in READS}
    project.done("append-history", mission=SLUG, wp="WP01", actor="coder", note="n")
    changed = {it: read(project, it, after=seen[it], wait_s=1)["changed"] for it in READS}
    assert changed == {"mission-state": True, "list-ready": False}


def test_null_position_and_wait_do_not_change_the_request_digest(project: Stage) -> None:
    raw = body("one", "list-ready", {"mission": SLUG, "after": None, "wait_s": None}, policy=None)
    answer(project, raw, identity="default")
    bare = body("one", "list-ready", {"mission": SLUG}, policy=None)
    again = bootstrap.dispatcher(project.root).answer_bytes(bare, stem="one", identity="default")
    assert again.is_repeat
