"""Claims that go stale, with real git, at every door."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from specify_cli.errors import StorageFailed
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from tests.integration.stage import APPROVED, POLICY, SLUG, Stage, digest_of_tree, flags
from tests.unit.orchestrator_api.doors import KilledHost, answer, body

NOW = datetime(2030, 5, 6, 12, tzinfo=UTC)
SHARED = {"WP01": {"owned_files": ["src/**"]}, "WP02": {"owned_files": ["src/**"]}}
RULE = "stale_after_s = 7200"
WHY = {"note": "no answer since noon"}


class Clock:
    """The host's clock, which stands still until it is moved on."""

    def __init__(self, frozen: Any) -> None:
        self._frozen = frozen

    def pass_by(self, **time: float) -> None:
        self._frozen.tick(timedelta(**time))


@pytest.fixture
def clock() -> Iterator[Clock]:
    with freeze_time(NOW) as frozen:
        yield Clock(frozen)


@pytest.fixture
def held(stage: Stage, clock: Clock) -> Path:
    """The workspace of WP01, which ada works on; WP02 waits for the same execution lane."""
    stage.write_mission(SHARED)
    return Path(start(stage, "ada")["data"]["workspace_path"])


def start(stage: Stage, actor: str, wp: str = "WP01") -> dict[str, Any]:
    return stage.ask("start-implementation", mission=SLUG, wp=wp, actor=actor)


def move(stage: Stage, actor: str, to: str, **args: Any) -> dict[str, Any]:
    return stage.ask("transition", mission=SLUG, wp="WP01", actor=actor, to=to, **args)


def release(stage: Stage, actor: str = "carol", **args: Any) -> dict[str, Any]:
    return stage.ask(
        "release-claim", mission=SLUG, wp="WP01", actor=actor, policy=None, **{**WHY, **args}
    )


def beat(stage: Stage, actor: str = "ada", **args: Any) -> dict[str, Any]:
    return stage.ask("heartbeat", mission=SLUG, wp="WP01", actor=actor, policy=None, **args)


def rewrite_log(stage: Stage, *, at: Sequence[str]) -> None:
    """The lines of the log have these dates."""
    log = stage.root / "kitty-specs" / SLUG / "status.events.jsonl"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    dated = (line | {"at": date} for line, date in zip(lines, at, strict=True))
    log.write_text("".join(json.dumps(line) + "\n" for line in dated))


def set_rule(stage: Stage, text: str = RULE) -> None:
    (stage.root / ".kitty").mkdir(exist_ok=True)
    (stage.root / ".kitty/config.toml").write_text(text + "\n")


def on_board(stage: Stage) -> dict[str, Any]:
    package: dict[str, Any] = stage.done("mission-state", mission=SLUG)["work_packages"][0]
    return package


def seen(stage: Stage) -> str | None:
    return on_board(stage).get("last_sign_of_life")


def commit_at(stage: Stage, folder: Path, date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("GIT_COMMITTER_DATE", date)
        stage.commit({"src/one.py": f"{date}\n"}, folder=folder)


# Signs of life.


def test_a_start_is_no_sign_beyond_the_time_in_the_lane(stage: Stage, held: Path) -> None:
    assert "last_sign_of_life" not in on_board(stage)
    assert "stale" not in on_board(stage)


def test_a_note_a_refusal_a_no_op_and_a_heartbeat_of_the_holder_are_signs(
    stage: Stage, held: Path, clock: Clock
) -> None:
    known = {seen(stage)}
    for sign in (
        lambda: stage.ask("append-history", mission=SLUG, wp="WP01", actor="ada", note="n"),
        lambda: move(stage, "ada", "for_review"),
        lambda: start(stage, "ada"),
        lambda: release(stage, "ada"),
        lambda: beat(stage),
    ):
        clock.pass_by(minutes=5)
        sign()
        assert seen(stage) not in known
        known.add(seen(stage))


def test_requests_of_others_and_about_others_are_no_sign(
    stage: Stage, held: Path, clock: Clock
) -> None:
    clock.pass_by(minutes=5)
    stage.done("append-history", mission=SLUG, wp="WP01", actor="bob", note="n")
    stage.done("append-history", mission=SLUG, wp="WP02", actor="ada", note="n")
    assert start(stage, "bob")["error_code"] == "WP_ALREADY_CLAIMED"
    assert beat(stage, "bob")["data"]["claimed_by"] == "ada"
    assert seen(stage) is None


def test_a_commit_is_a_sign_as_it_is_dated(
    stage: Stage, held: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.pass_by(hours=1)
    commit_at(stage, held, "2030-05-06T12:30:00+00:00", monkeypatch)
    assert seen(stage) == "2030-05-06T12:30:00.000000+00:00"
    commit_at(stage, held, "1971-01-01T00:00:00+00:00", monkeypatch)
    assert seen(stage) is None


def test_a_moment_that_is_still_to_come_keeps_the_claim_until_it_has_passed(
    stage: Stage, held: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_rule(stage)
    commit_at(stage, held, "2030-05-07T12:00:00+00:00", monkeypatch)
    clock.pass_by(hours=3)
    assert "stale" not in on_board(stage)
    assert release(stage)["data"]["stale_at"] == "2030-05-07T14:00:00.000000+00:00"
    clock.pass_by(hours=23)
    assert release(stage)["success"]


def test_a_heartbeat_counts_while_the_clock_of_the_host_is_put_back(
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


def test_what_was_before_the_package_came_into_its_lane_makes_no_claim_stale(
    stage: Stage, held: Path, clock: Clock
) -> None:
    set_rule(stage)
    rewrite_log(stage, at=["2030-05-01T00:00:00+00:00", "2030-06-01T00:00:00+00:00"])
    assert seen(stage) is None
    assert release(stage)["data"]["stale_at"] == "2030-06-01T02:00:00.000000+00:00"


@pytest.mark.parametrize("date", ["", " -5 +0000", " 9999999999999999999 +0000"])
def test_a_commit_that_does_not_say_when_it_was_made_makes_no_claim_stale(
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
    stage.git("update-ref", "HEAD", stage.git(*words), folder=held)
    assert "stale" not in on_board(stage)
    refused = release(stage)["data"]
    assert refused["guard"] == "not_stale"
    assert "stale_at" not in refused
    assert release(stage, force=True)["success"]


def test_commits_are_no_sign_of_the_reviewer(
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


def test_who_gets_a_package_back_was_not_silent_while_others_reviewed_it(
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


def test_heartbeats_leave_the_log_as_it_is(stage: Stage, held: Path, clock: Clock) -> None:
    before = stage.events()
    tree = digest_of_tree(stage.root)
    for _ in range(20):
        clock.pass_by(seconds=1)
        assert beat(stage)["success"]
    assert stage.events() == before
    assert digest_of_tree(stage.root) == tree
    assert len(list((stage.root / ".kitty/host/signs-of-life").iterdir())) == 1


def test_a_heartbeat_says_what_the_operator_demands(stage: Stage, held: Path) -> None:
    assert "stale_after_s" not in beat(stage)["data"]
    set_rule(stage)
    assert beat(stage)["data"]["stale_after_s"] == 7200


def test_a_heartbeat_of_an_earlier_holder_does_not_count_for_the_next(
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
def test_notes_that_are_damaged_make_no_claim_stale(
    stage: Stage, held: Path, clock: Clock, damage: str
) -> None:
    set_rule(stage)
    clock.pass_by(days=3)
    beat(stage)
    [notes] = (stage.root / ".kitty/host/signs-of-life").iterdir()
    notes.write_text(damage)
    assert "stale" not in on_board(stage)
    assert release(stage)["error_code"] in ("STATE_UNREADABLE", "TRANSITION_REJECTED")
    assert start(stage, "ada")["success"]


def test_a_link_in_the_place_of_the_notes_is_not_followed(
    stage: Stage, held: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (stage.root / ".kitty/host/signs-of-life").symlink_to(tmp_path / "elsewhere")
    assert not beat(stage)["success"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_git_cannot_read_makes_no_claim_stale(stage: Stage, held: Path, clock: Clock) -> None:
    set_rule(stage)
    clock.pass_by(days=3)
    branch = stage.root / f".git/refs/heads/kitty/mission-{SLUG}-lane-a"
    branch.unlink()
    os.mkfifo(branch)
    board = on_board(stage)
    assert "stale" not in board
    assert release(stage)["error_code"] == "STORAGE_FAILED"


def test_lines_of_other_programs_count_where_a_rule_is_judged(
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
def test_moments_that_nobody_can_have_meant_break_nothing_and_make_nothing_stale(
    stage: Stage, held: Path, clock: Clock, at: str
) -> None:
    set_rule(stage)
    clock.pass_by(days=3)
    rewrite_log(stage, at=[at, at])
    assert "stale" not in on_board(stage)
    assert release(stage)["data"]["guard"] == "not_stale"
    assert release(stage, force=True)["success"]


# Releases.


def test_nothing_is_stale_before_the_rule_says_so_and_then_it_is(
    stage: Stage, held: Path, clock: Clock
) -> None:
    assert release(stage)["data"]["guard"] == "not_stale"
    set_rule(stage)
    clock.pass_by(seconds=7199)
    early = release(stage)
    assert early["data"]["stale_at"] == "2030-05-06T14:00:00.000000+00:00"
    assert "stale" not in on_board(stage)
    clock.pass_by(seconds=1)
    assert on_board(stage)["stale"] is True
    assert release(stage)["data"]["released_holder"] == "ada"


def test_a_heartbeat_keeps_the_claim(stage: Stage, held: Path, clock: Clock) -> None:
    set_rule(stage)
    for _ in range(5):
        clock.pass_by(hours=1)
        assert beat(stage)["success"]
    assert "stale" not in on_board(stage)
    assert release(stage)["data"]["guard"] == "not_stale"


def test_a_release_is_a_forced_move_by_who_released(stage: Stage, held: Path) -> None:
    assert release(stage, force=True)["success"]
    event = stage.events()[-1]
    assert (event["from_lane"], event["to_lane"]) == ("in_progress", "planned")
    assert (event["actor"], event["force"], event["reason"]) == ("carol", True, WHY["note"])
    assert event["released_holder"] == "ada"
    assert on_board(stage)["claimed_by"] is None


def test_a_release_frees_the_execution_lane_and_keeps_the_work(stage: Stage, held: Path) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    work = stage.git("rev-parse", "HEAD", folder=held)
    assert start(stage, "bob", "WP02")["data"]["occupied_by"] == "WP01"
    assert release(stage, force=True)["success"]
    other = Path(start(stage, "bob", "WP02")["data"]["workspace_path"])
    assert not (other / "src/one.py").exists()
    assert stage.ask("transition", mission=SLUG, wp="WP02", actor="bob", to="blocked")["success"]
    again = Path(start(stage, "bob")["data"]["workspace_path"])
    assert (again / "src/one.py").read_text() == "one\n"
    assert work in stage.git("rev-list", "HEAD", folder=again)


@pytest.mark.parametrize("lost", ["branch", "workspace", "both"])
def test_a_claim_whose_branch_or_workspace_is_lost_is_released_by_force(
    stage: Stage, held: Path, lost: str
) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    if lost != "branch":
        shutil.rmtree(held)
    if lost != "workspace":
        stage.git("update-ref", "-d", f"refs/heads/kitty/mission-{SLUG}-lane-a")
    assert release(stage, force=True)["data"]["to_lane"] == "planned"
    assert on_board(stage)["claimed_by"] is None


def test_a_released_review_leaves_the_commit_that_was_handed_in(stage: Stage, held: Path) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    move(stage, "ada", "for_review")
    work = on_board(stage)["commit"]
    stage.done("start-review", mission=SLUG, wp="WP01", actor="rev")
    stage.commit({"src/late.py": "late\n", ".kitty/config.toml": "x\n"}, folder=held)
    data = release(stage, force=True)["data"]
    assert (data["from_lane"], data["to_lane"], data["released_holder"]) == (
        "in_review", "for_review", "rev",
    )  # fmt: skip
    assert on_board(stage)["commit"] == work
    late = move(stage, "rev", "approved", force=True, note="late", review_result=APPROVED)
    assert late["error_code"] == "WP_ALREADY_CLAIMED"
    stage.done("start-review", mission=SLUG, wp="WP01", actor="two")
    late = move(stage, "rev", "approved", review_result=APPROVED)
    assert late["data"]["claimed_by"] == "two"
    passed = move(stage, "two", "approved", review_result=APPROVED)
    assert passed["success"]
    assert on_board(stage)["commit"] == work


def test_the_late_requests_of_the_former_holder_are_refused_and_name_who_holds_it(
    stage: Stage, held: Path
) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    release(stage, force=True)
    start(stage, "bob")
    before = stage.events()
    late = [
        move(stage, "ada", "for_review"),
        move(stage, "ada", "for_review", force=True, note="late"),
        move(stage, "ada", "planned", note="late"),
        move(stage, "ada", "blocked"),
        start(stage, "ada"),
        stage.ask("start-review", mission=SLUG, wp="WP01", actor="ada"),
        stage.ask("append-history", mission=SLUG, wp="WP01", actor="ada", note="late"),
        beat(stage),
    ]
    assert {it["error_code"] for it in late} == {"WP_ALREADY_CLAIMED"}
    assert {it["data"]["claimed_by"] for it in late} == {"bob"}
    assert stage.events() == before
    assert move(stage, "bob", "for_review")["success"]


def test_where_nobody_holds_it_the_former_holder_claims_it_again_and_goes_on(
    stage: Stage, held: Path
) -> None:
    release(stage, force=True)
    assert (
        move(stage, "ada", "for_review", force=True, note="x")["data"]["guard"] == "claim_released"
    )
    assert beat(stage)["data"]["guard"] == "claim_released"
    assert start(stage, "ada")["success"]
    assert beat(stage)["success"]
    stage.commit({"src/one.py": "one\n"}, folder=held)
    assert move(stage, "ada", "for_review")["success"]


def test_steps_that_the_former_holder_ticks_late_are_refused(stage: Stage, clock: Clock) -> None:
    stage.write_mission({"WP01": {"subtasks": ["T001"]}})
    start(stage, "ada")
    release(stage, force=True)
    start(stage, "bob")
    tick: dict[str, Any] = {"mission": SLUG, "subtasks": ["T001"], "status": "done"}
    late = stage.ask("mark-subtasks", policy=None, actor="ada", **tick)
    assert late["error_code"] == "WP_ALREADY_CLAIMED"
    assert late["data"]["wp_id"] == "WP01"
    assert stage.ask("mark-subtasks", policy=None, actor="bob", **tick)["success"]


def test_others_move_what_was_released_as_before(stage: Stage, held: Path) -> None:
    stage.commit({"src/one.py": "one\n"}, folder=held)
    release(stage, force=True)
    start(stage, "bob")
    assert move(stage, "orchestrator", "for_review")["success"]


# Interrupted and repeated requests.


def test_a_release_again_under_its_id_changes_nothing(stage: Stage, held: Path) -> None:
    first = release(stage, force=True, correlation_id="one")
    start(stage, "bob")
    before = stage.events()
    assert release(stage, force=True, correlation_id="one") == first
    assert stage.events() == before
    assert on_board(stage)["claimed_by"] == "bob"


def interrupted(stage: Stage, args: dict[str, Any]) -> None:
    """The release `one` has had its effects, and its host was killed before it recorded the answer."""
    raw = body("one", "release-claim", args, policy=None)
    with pytest.raises(StorageFailed):
        Dispatcher(KilledHost(stage.root)).answer_bytes(raw, stem="one", identity="default")


def test_a_release_that_was_interrupted_is_completed_once(
    stage: Stage, held: Path, clock: Clock
) -> None:
    set_rule(stage)
    clock.pass_by(hours=3)
    args = {"mission": SLUG, "wp": "WP01", "actor": "carol", **WHY}
    interrupted(stage, args)
    start(stage, "bob")
    before = stage.events()
    raw = body("one", "release-claim", args, policy=None)
    again = answer(stage, raw, stem="one", identity="default")
    assert again["data"]["released_holder"] == "ada"
    assert stage.events() == before
    assert on_board(stage)["claimed_by"] == "bob"


def test_another_release_under_the_id_of_an_interrupted_one_conflicts(
    stage: Stage, held: Path, clock: Clock
) -> None:
    set_rule(stage)
    clock.pass_by(hours=3)
    args = {"mission": SLUG, "wp": "WP01", "actor": "carol", **WHY}
    interrupted(stage, args)
    start(stage, "bob")
    before = stage.events()
    clock.pass_by(hours=3)
    raw = body("one", "release-claim", args | {"note": "other"}, policy=None)
    other = answer(stage, raw, stem="one", identity="default")
    assert other["error_code"] == "CORRELATION_ID_CONFLICT"
    assert stage.events() == before


# Access.


@pytest.mark.parametrize("config", ["", "[orchestrators.default]\ncommands = ['all']", RULE])
def test_no_orchestrator_in_a_mailbox_releases_by_force(
    stage: Stage, held: Path, config: str
) -> None:
    if config:
        set_rule(stage, config)
    args = {"mission": SLUG, "wp": "WP01", "actor": "carol", "force": True, **WHY}
    raw = body("one", "release-claim", args, policy=None)
    refused = answer(stage, raw, stem="one", identity="default")
    assert refused["error_code"] == "NOT_AUTHORIZED"
    assert on_board(stage)["claimed_by"] == "ada"


def test_a_release_needs_a_grant_of_command_and_actor(
    stage: Stage, held: Path, clock: Clock
) -> None:
    grant = "[orchestrators.nightly]\ncommands = ['{}']\nactors = ['nightly-*']"
    clock.pass_by(hours=3)
    codes = []
    for number, (command, actor) in enumerate(
        [("transition", "nightly-1"), ("release-claim", "carol"), ("release-claim", "nightly-1")]
    ):
        set_rule(stage, f"{RULE}\n{grant.format(command)}")
        args = {"mission": SLUG, "wp": "WP01", "actor": actor, **WHY}
        raw = body(f"id{number}", "release-claim", args, policy=None)
        codes.append(answer(stage, raw, stem=f"id{number}", identity="nightly")["error_code"])
    assert codes == ["NOT_AUTHORIZED", "NOT_AUTHORIZED", None]


# The command line.


def test_both_commands_work_at_the_command_line(stage: Stage, held: Path) -> None:
    assert stage.api("heartbeat", *flags(wp="WP01", actor="ada", policy=POLICY)).code is None
    assert stage.api("heartbeat", *flags(wp="WP01", actor="bob")).code == "WP_ALREADY_CLAIMED"
    words = flags(wp="WP01", actor="carol", note="gone", policy=POLICY)
    assert stage.api("release-claim", *words).code == "TRANSITION_REJECTED"
    assert stage.api("release-claim", *words, "--force").code is None
    assert stage.events()[-1]["policy_metadata"]["orchestrator_id"] == "nightly"
