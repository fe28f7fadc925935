"""Without a terminal, missing arguments are named and not guessed."""

from __future__ import annotations

import pytest

from tests.campaign import sampled
from tests.integration.stage import Stage


@pytest.mark.parametrize(
    "words",
    sampled(
        [
            ["specify"],
            ["move", "--mission", "1"],
            ["move", "WP01", "--mission", "1"],
            ["tasks", "done", "--mission", "1"],
            ["tasks", "add", "1"],
            ["tasks", "add"],
            ["tasks", "list"],
            ["tasks", "finalize"],
            ["status"],
            ["status", "1", "--mission", "2"],
            ["implement", "--mission", "1"],
            ["review", "--mission", "1"],
            ["review", "WP01", "--mission", "1", "--approve", "--request-changes", "--note", "x"],
            ["review", "WP01", "--mission", "1", "--request-changes", "--note", "x", "--approve"],
        ],
        every=3,
    ),
    ids=" ".join,
)
def test_missing_or_contradictory_arguments_are_usage_errors(
    stage: Stage, words: list[str]
) -> None:
    stage.write_mission({"WP01": {"subtasks": ["T001"]}})
    stage.run("specify", "Other")

    plain = stage.run(*words)
    answered = stage.run(*words, "--json")

    assert (plain.exit_code, plain.stdout) == (2, b"")
    assert answered.exit_code == 2
    assert answered.envelope["error_code"] == "USAGE_ERROR"


def test_status_takes_the_mission_as_argument_or_option(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.run("specify", "Other")

    by_argument = stage.run("status", "1")
    by_option = stage.run("status", "--mission", "1")

    assert by_argument.exit_code == by_option.exit_code == 0
    assert by_argument.stdout == by_option.stdout


def test_status_defaults_to_the_only_open_mission(stage: Stage) -> None:
    slug = stage.write_mission({"WP01": {}})
    stage.run("specify", "Other")
    stage.run("tasks", "add", "2", "Query")
    stage.run("move", "WP01", "canceled", "--note", "not needed", "--mission", "1")

    shown = stage.run("status")

    assert shown.exit_code == 0
    assert b"002-other" in shown.stdout, slug


def test_package_waiting_for_its_execution_lane_is_not_suggested(stage: Stage) -> None:
    shared = {"owned_files": ["src/**"]}
    stage.write_mission({"WP01": shared, "WP02": shared, "WP03": {"owned_files": ["docs/**"]}})
    stage.run("implement", "WP01", "--actor", "ada")

    refused = stage.run("implement", "--actor", "bob")

    assert refused.exit_code == 2
    assert b"name one of WP03\nnext: spec-kitty implement WP03 --actor bob" in refused.stderr
