"""What counts as a sign of life of the holder of a package, with real git."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from specify_cli.storage.layout import Layout
from tests.integration.claims.claims import (
    Clock,
    beat,
    commit_at,
    move,
    on_board,
    release,
    rewrite_log,
    seen,
    set_rule,
    start,
)
from tests.integration.stage import APPROVED, SLUG, Stage, digest_of_tree


def test_start_alone_is_not_a_sign_of_life(stage: Stage, held: Path) -> None:
    assert "last_sign_of_life" not in on_board(stage)
    assert "stale" not in on_board(stage)


def test_every_request_of_the_holder_is_a_sign_of_life(
    stage: Stage, held: Path, clock: Clock
) -> None:
    known = {seen(stage)}
    for sign in (
        lambda: stage.ask("append-history", mission=SLUG, wp="WP01", actor="ada", note="n"),
        lambda: move(stage, "ada", "for_review"),
        lambda: start(stage, "ada"),
        lambda: beat(stage),
    ):
        clock.pass_by(minutes=5)
        sign()
        assert seen(stage) not in known
        known.add(seen(stage))


def test_requests_of_other_actors_or_about_other_packages_are_not_signs_of_life(
    stage: Stage, held: Path, clock: Clock
) -> None:
    clock.pass_by(minutes=5)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="bob", note="n")
    stage.done("append-history", mission=SLUG, wp="WP02", actor="ada", note="n")
    assert start(stage, "bob")["error_code"] == "WP_ALREADY_CLAIMED"
    assert beat(stage, "bob")["data"]["claimed_by"] == "ada"
    assert seen(stage) is None


def test_commit_is_a_sign_of_life_at_its_committer_date(
    stage: Stage, held: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.pass_by(hours=1)
    commit_at(stage, held, "2030-05-06T12:30:00+00:00", monkeypatch)
    assert seen(stage) is None
    stage.done("sync-workspaces", policy=None)
    assert seen(stage) == "2030-05-06T12:30:00.000000+00:00"
    commit_at(stage, held, "1971-01-01T00:00:00+00:00", monkeypatch)
    stage.done("sync-workspaces", policy=None)
    assert seen(stage) is None


def test_commit_dated_in_the_future_keeps_the_claim_until_that_date_has_passed(
    stage: Stage, held: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(stage)
    commit_at(stage, held, "2030-05-07T12:00:00+00:00", monkeypatch)
    clock.pass_by(hours=3)
    assert release(stage)["data"]["stale_at"] == "2030-05-07T14:00:00.000000+00:00"
    assert "stale" not in on_board(stage)
    clock.pass_by(hours=23)
    assert release(stage)["success"]


def test_heartbeat_counts_after_the_clock_of_the_host_was_set_back(
    stage: Stage, held: Path, clock: Clock
) -> None:
    set_rule(stage)
    clock.pass_by(hours=9)
    assert beat(stage)["success"]
    clock.pass_by(hours=-6)
    assert "stale" not in on_board(stage)
    assert release(stage)["data"]["guard"] == "not_stale"
    assert beat(stage)["success"]
    assert seen(stage) == "2030-05-06T15:00:00.000000+00:00"


def test_signs_from_before_the_current_status_lane_do_not_make_a_claim_stale(
    stage: Stage, held: Path, clock: Clock
) -> None:
    set_rule(stage)
    rewrite_log(stage, at=["2030-05-01T00:00:00+00:00", "2030-06-01T00:00:00+00:00"])
    assert seen(stage) is None
    assert release(stage)["data"]["stale_at"] == "2030-06-01T02:00:00.000000+00:00"


@pytest.mark.parametrize("date", ["", " -5 +0000", " 9999999999999999999 +0000"])
def test_commit_with_an_invalid_date_does_not_make_a_claim_stale(
    stage: Stage, held: Path, clock: Clock, date: str
) -> None:
    set_rule(stage)
    clock.pass_by(days=3)
    who = f"a <a@example.org>{date}"
    header = f"tree HEAD^{{tree}}\nparent HEAD\nauthor {who}\ncommitter {who}\n\nwork\n"
    for name in ("HEAD^{tree}", "HEAD"):
        header = header.replace(f"{name}\n", stage.git("rev-parse", name, folder=held) + "\n")
    (stage.root / "commit").write_text(header)
    words = ["hash-object", "-t", "commit", "-w", "--literally", str(stage.root / "commit")]
    stage.git("update-ref", f"refs/heads/kitty/mission-{SLUG}-lane-a", stage.git(*words))
    shutil.rmtree(held)
    assert "stale" not in on_board(stage)
    refused = release(stage)["data"]
    assert refused["guard"] == "not_stale"
    assert "stale_at" not in refused
    assert release(stage, force=True)["success"]


def test_commits_are_not_signs_of_life_of_the_reviewer(
    stage: Stage, held: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit_at(stage, held, "2030-05-06T12:00:00+00:00", monkeypatch)
    move(stage, "ada", "for_review")
    stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")
    clock.pass_by(hours=1)
    commit_at(stage, held, "2030-05-06T12:30:00+00:00", monkeypatch)
    assert seen(stage) is None
    assert beat(stage, "rev")["success"]
    assert seen(stage) == "2030-05-06T13:00:00.000000+00:00"


def test_time_in_review_does_not_count_as_silence_of_the_implementer(
    stage: Stage, held: Path, clock: Clock
) -> None:
    set_rule(stage)
    stage.commit({"src/one.py": "one\n"}, folder=held)
    move(stage, "ada", "for_review")
    clock.pass_by(days=3)
    stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")
    back = {"review_result": APPROVED | {"verdict": "changes_requested"}}
    assert move(stage, "rev", "in_progress", **back)["success"]
    assert "stale" not in on_board(stage)
    assert release(stage)["data"]["guard"] == "not_stale"


def test_heartbeats_do_not_change_the_log_or_the_project(
    stage: Stage, held: Path, clock: Clock
) -> None:
    before = stage.events()
    tree = digest_of_tree(stage.root)
    for _ in range(20):
        clock.pass_by(seconds=1)
        assert beat(stage)["success"]
    assert stage.events() == before
    assert digest_of_tree(stage.root) == tree
    assert len(list((Layout(stage.root).host / "signs-of-life").iterdir())) == 1


def test_heartbeat_reply_has_the_configured_stale_after_s(stage: Stage, held: Path) -> None:
    assert "stale_after_s" not in beat(stage)["data"]
    set_rule(stage)
    assert beat(stage)["data"]["stale_after_s"] == 7200


def test_heartbeat_of_a_former_holder_does_not_count_for_the_next_one(
    stage: Stage, held: Path, clock: Clock
) -> None:
    clock.pass_by(minutes=1)
    beat(stage)
    release(stage, force=True)
    start(stage, "bob")
    assert seen(stage) is None


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        "[" * 100_000,
        '{"WP01": 3}',
        '{"WP01": {"actor": "ada"}}',
        '{"WP01": {"actor": "ada", "at": "soon"}}',
    ],
    ids=lambda text: text[:48],
)
def test_damaged_heartbeat_file_does_not_make_a_claim_stale(
    stage: Stage, held: Path, clock: Clock, damage: str
) -> None:
    set_rule(stage)
    clock.pass_by(days=3)
    beat(stage)
    [notes] = (Layout(stage.root).host / "signs-of-life").iterdir()
    notes.write_text(damage)
    assert "stale" not in on_board(stage)
    assert release(stage)["error_code"] in ("STATE_UNREADABLE", "TRANSITION_REJECTED")
    assert start(stage, "ada")["success"]


def test_symlink_in_place_of_the_heartbeat_folder_is_not_followed(
    stage: Stage, held: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (Layout(stage.root).host / "signs-of-life").symlink_to(tmp_path / "elsewhere")
    assert not beat(stage)["success"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_damaged_branch_does_not_make_a_claim_stale(stage: Stage, held: Path, clock: Clock) -> None:
    set_rule(stage)
    clock.pass_by(days=3)
    branch = stage.root / f".git/refs/heads/kitty/mission-{SLUG}-lane-a"
    branch.write_text("damaged\n")
    board = on_board(stage)
    assert "stale" not in board
    assert release(stage)["error_code"] == "STORAGE_FAILED"


def test_log_lines_of_other_programs_count_if_stale_after_s_is_set(
    stage: Stage, held: Path, clock: Clock
) -> None:
    clock.pass_by(hours=3)
    log = stage.root / "kitty-specs" / SLUG / "status.events.jsonl"
    note = {"event_id": "x", "at": "2030-05-06T14:30:00Z", "actor": "ada", "kind": "annotation"}
    log.write_text(log.read_text() + json.dumps(note | {"wp_id": "WP01", "delta": {"note": "n"}}))
    assert "last_sign_of_life" not in on_board(stage)
    set_rule(stage)
    assert seen(stage) == "2030-05-06T14:30:00.000000+00:00"
    assert release(stage)["data"]["stale_at"] == "2030-05-06T16:30:00.000000+00:00"


@pytest.mark.parametrize(
    "at", ["", "soon", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+23:59"]
)
def test_implausible_dates_in_the_log_do_not_make_a_claim_stale(
    stage: Stage, held: Path, clock: Clock, at: str
) -> None:
    set_rule(stage)
    clock.pass_by(days=3)
    rewrite_log(stage, at=[at, at])
    assert "stale" not in on_board(stage)
    assert release(stage)["data"]["guard"] == "not_stale"
    assert release(stage, force=True)["success"]
