"""Eight concurrent processes at the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from specify_cli.bootstrap import mailbox_layout
from specify_cli.mailbox.verification import open_journal
from tests.integration.stage import POLICY, Outcome, Stage, flags, outcome

CROWD = 8


def all_at_once(stage: Stage, words_of: Callable[[int], Sequence[str]]) -> list[Outcome]:
    processes = [stage.start("orchestrator-api", *words_of(number)) for number in range(CROWD)]
    return [outcome(process) for process in processes]


def verified(stage: Stage) -> bool:
    return stage.run("mailbox", "verify").exit_code == 0


def test_concurrent_starts_of_one_package_have_one_winner(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    answers = all_at_once(
        stage,
        lambda number: [
            "start-implementation",
            *flags(wp="WP01", actor=f"coder-{number}", policy=POLICY),
        ],
    )
    assert Counter(answer.code for answer in answers) == {None: 1, "WP_ALREADY_CLAIMED": CROWD - 1}
    (winner,) = (number for number, answer in enumerate(answers) if answer.code is None)
    losers = [answer.envelope["data"] for answer in answers if answer.code]
    assert {data["claimed_by"] for data in losers} == {f"coder-{winner}"}
    assert [event["to_lane"] for event in stage.events()] == ["claimed", "in_progress"]
    assert len(list((stage.root / ".worktrees").glob("001-*"))) == 1
    assert verified(stage)


def test_concurrent_requests_under_one_id_get_one_answer_and_one_effect(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    words = flags(wp="WP01", actor="coder", policy=POLICY, correlation_id="one-id")
    answers = all_at_once(stage, lambda _: ["start-implementation", *words])
    assert {answer.stdout for answer in answers} == {answers[0].stdout}
    assert answers[0].envelope["data"]["no_op"] is False
    assert [event["to_lane"] for event in stage.events()] == ["claimed", "in_progress"]
    assert [line["correlation_id"] for line in stage.journal()] == ["one-id"]
    assert verified(stage)


def test_one_of_several_different_requests_under_one_id_is_carried_out(stage: Stage) -> None:
    for number in range(2):
        stage.write_mission({"WP01": {}}, slug=f"00{number}-search")
    answers = all_at_once(
        stage,
        lambda number: [
            "append-history",
            *flags(
                mission=f"00{number % 2}-search",
                wp="WP01",
                actor="coder",
                note=f"note {number}",
                correlation_id="one-id",
            ),
        ],
    )
    codes = Counter(answer.code for answer in answers)
    assert codes == {None: 1, "CORRELATION_ID_CONFLICT": CROWD - 1}
    assert len(stage.events("000-search") + stage.events("001-search")) == 1
    assert verified(stage)


def test_concurrent_notes_are_all_logged_and_the_journal_verifies(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    answers = all_at_once(
        stage,
        lambda number: [
            "append-history",
            *flags(wp="WP01", actor="coder", note=f"note {number}"),
        ],
    )
    assert [answer.code for answer in answers] == [None] * CROWD
    notes = sorted(event["delta"]["note"] for event in stage.events())
    assert notes == [f"note {number}" for number in range(CROWD)]
    assert [line["seq"] for line in stage.journal()] == list(range(1, CROWD + 1))
    assert open_journal(mailbox_layout(stage.root)).verify() == []
    assert verified(stage)


def test_packages_started_concurrently_all_get_a_workspace(stage: Stage) -> None:
    packages = {f"WP0{n}": {"owned_files": [f"src/{n}/**"]} for n in range(1, 5)}
    stage.write_mission(packages)
    answers = [
        outcome(process)
        for process in [
            stage.start(
                "orchestrator-api",
                "start-implementation",
                *flags(wp=wp_id, actor="coder", policy=POLICY),
            )
            for wp_id in packages
        ]
    ]
    assert [answer.code for answer in answers] == [None] * len(packages)
    branches = {answer.envelope["data"]["lane_branch"] for answer in answers}
    assert len(branches) == len(packages)
    for answer in answers:
        data = answer.envelope["data"]
        assert stage.git("-C", data["workspace_path"], "branch", "--show-current") in branches
