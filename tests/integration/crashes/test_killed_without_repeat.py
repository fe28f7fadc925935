"""A command is killed and never repeated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from specify_cli import bootstrap
from specify_cli.storage.intents import Intent
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from specify_cli.storage.project import Project
from specify_cli.workflow.upkeep import update_logs
from tests.campaign import sampled
from tests.integration.crashes.gits import fatal_git
from tests.integration.crashes.killing import killer
from tests.integration.stage import POLICY, TIMEOUT_S, Stage, flags
from tests.unit.mailbox.recording import wait_until

LAST_STEP = 400
"""More changes than any command makes."""

STRIDE = 36
"""The fault suite covers every step of a merge; here some of them."""

NOTE = {"wp": "WP01", "actor": "coder", "note": "n"}


def deaths(stage: Stage, words: Callable[[str], Sequence[str]], *, first: int) -> Iterator[str]:
    """Yield missions whose command was killed, each some steps later than the one before."""
    run_until = killer(stage)
    for step in range(first, LAST_STEP, 6):
        slug = f"{step:03}-search"
        stage.write_mission({"WP01": {}}, slug=slug)
        if run_until(step, words(slug)) == 0:
            return
        yield slug
    pytest.fail("the command never ended")


def begun(stage: Stage) -> list[Intent]:
    return bootstrap.ProjectHost(stage.root).intents()


def assert_sound(stage: Stage) -> None:
    layout = bootstrap.mailbox_layout(stage.root)
    assert list(bootstrap.find_missing_events(layout)) == []


def assert_verified(stage: Stage) -> None:
    verified = stage.run("mailbox", "verify")
    assert verified.exit_code == 0, verified


def assert_settled(stage: Stage, slug: str) -> None:
    """The next process finds everything that was done recorded, and nothing more done."""
    # As a starting worker does: the log file may lag behind the record.
    update_logs(Project(stage.root), pytest.fail)
    before = stage.events(slug)
    bootstrap.dispatcher(stage.root).settle_intents()
    # As a starting worker and every changing command do.
    Journal(Layout(stage.root)).publish()
    assert begun(stage) == []
    assert stage.events(slug) == before
    path = stage.root / ".kitty" / "outbox" / "journal.jsonl"
    lines = (
        [line for line in stage.journal() if line["correlation_id"] == slug]
        if path.exists()
        else []
    )
    assert [event["event_id"] for event in before] == [
        i for line in lines for i in line["event_ids"]
    ]
    assert all(line["envelope"]["success"] and line["door"] == "cli" for line in lines)
    assert len(lines) <= 1


def note_words(slug: str) -> list[str]:
    return ["orchestrator-api", "append-history", *flags(mission=slug, correlation_id=slug, **NOTE)]


def start_words(slug: str) -> list[str]:
    given = flags(mission=slug, wp="WP01", actor="coder", policy=POLICY, correlation_id=slug)
    return ["orchestrator-api", "start-implementation", *given]


@pytest.mark.parametrize("words", [note_words, start_words])
@pytest.mark.parametrize("first", sampled([1, 2, 3, 4, 5, 6], every=6))
def test_killed_change_is_recorded_without_a_repeat(
    stage: Stage, first: int, words: Callable[[str], Sequence[str]]
) -> None:
    outcomes = set()
    for slug in deaths(stage, words, first=first):
        assert_sound(stage)
        assert_settled(stage, slug)
        outcomes.add(bool(stage.events(slug)))
    # A change is committed together with its answer, as the last step.
    assert False in outcomes
    assert_verified(stage)


@pytest.mark.parametrize("first", sampled([1, 9, 17], every=3))
def test_killed_merge_is_recorded_without_a_repeat(stage: Stage, first: int) -> None:
    run_until, lanes = killer(stage), set()
    for step in range(first, LAST_STEP, STRIDE):
        slug = f"{step:03}-search"
        stage.write_mission({"WP01": {}}, slug=slug)
        stage.approve("WP01", {f"src/{slug}": "work\n"}, slug=slug)
        words = ["orchestrator-api", "merge-mission", *flags(mission=slug, correlation_id=slug)]
        if run_until(step, words) == 0:
            break
        assert_sound(stage)
        bootstrap.dispatcher(stage.root).settle_intents()
        assert begun(stage) == []
        lines = [line for line in stage.journal() if line["correlation_id"] == slug]
        lane = stage.lane("WP01", slug)
        assert len(lines) == (lane == "done")
        assert all(line["envelope"]["success"] and line["commits"] for line in lines)
        lanes.add(lane)
    assert lanes == {"approved", "done"}
    assert step < LAST_STEP - STRIDE
    assert_verified(stage)


def test_running_worker_records_what_a_killed_command_did(stage: Stage, tmp_path: Path) -> None:
    stage.write_mission({"WP01": {}})
    stage.approve("WP01", {"src/work": "work\n"})
    worker = stage.start("mailbox", "serve", "--poll-interval-s", "0.05")
    words = ["orchestrator-api", "merge-mission", *flags(correlation_id="killed")]
    for call in range(6, 120, 12):
        env = fatal_git(tmp_path / str(call), call=call, moment="after")
        if stage.run(*words, env=env).exit_code == 0:
            break
        wait_until(lambda: not begun(stage), timeout_s=TIMEOUT_S)
        assert_verified(stage)
    assert worker.poll() is None
    assert stage.lane("WP01") == "done"
    assert [line["correlation_id"] for line in stage.journal()].count("killed") == 1


def test_next_command_records_what_a_killed_command_of_a_person_did(stage: Stage) -> None:
    run_until = killer(stage)
    for step in range(1, LAST_STEP):
        slug = f"{step:03}-search"
        stage.write_mission({"WP01": {}}, slug=slug)
        words = ["move", "WP01", "blocked", "--mission", slug, "--note", "waits"]
        ended = run_until(step, words) == 0
        stage.done("append-history", mission=slug, **NOTE)
        assert begun(stage) == []
        assert_sound(stage)
        if ended:
            return
    pytest.fail("the command never ended")
