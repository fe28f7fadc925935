"""A person lists claims without a recent sign of life and releases them."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest

from specify_cli.storage.layout import Layout
from tests.integration.stage import SLUG, Stage

LONG_AGO = "2026-01-05T09:01:00+00:00"


@pytest.fixture
def held(stage: Stage) -> Stage:
    """WP01 is held by ada since just now."""
    stage.write_mission({"WP01": {}, "WP02": {}})
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    return stage


@pytest.fixture
def silent(held: Stage) -> Stage:
    """WP01 is held by ada since long ago."""
    lines = [json.loads(line) | {"at": LONG_AGO} for line in held.log().read_text().splitlines()]
    held.put_log("".join(json.dumps(line) + "\n" for line in lines))
    return held


def told(stage: Stage, *words: str) -> str:
    done = stage.run(*words)
    assert done.exit_code == 0, done
    return done.stdout.decode()


def test_stale_list_omits_holders_with_a_recent_sign_of_life(held: Stage) -> None:
    assert "WP01" not in told(held, "status", "--stale", "2h")
    assert "WP01" in told(held, "status", "--stale", "0s")


def test_stale_list_prints_a_command_that_releases_the_claim(silent: Stage) -> None:
    [line] = told(silent, "status", "--stale", "2h").splitlines()
    assert line.startswith("WP01  in_progress")
    assert "held by ada" in line
    assert f"since {LONG_AGO}" in line
    words = shlex.split(line.partition("release it with: spec-kitty ")[2])
    assert "--force" in words
    assert "ada" in told(silent, *words)
    assert silent.lane("WP01") == "planned"


def test_refused_release_prints_a_command_that_works(silent: Stage) -> None:
    refused = silent.run("release-claim", "WP01", "--note", "gone")
    assert refused.exit_code == 1
    words = shlex.split(refused.stderr.decode().partition("next: spec-kitty ")[2])
    told(silent, *words)
    assert silent.lane("WP01") == "planned"


def test_claim_past_stale_after_s_is_marked_and_released_without_force(silent: Stage) -> None:
    (silent.root / ".kitty/config.toml").write_text("stale_after_s = 3600\n")
    assert "no sign of life for" in told(silent, "status")
    words = shlex.split(told(silent, "status", "--stale", "2h").partition("with: spec-kitty ")[2])
    assert "--force" not in words
    told(silent, *words)
    assert silent.lane("WP01") == "planned"


def test_stale_list_includes_a_claim_without_a_date(silent: Stage) -> None:
    silent.put_log(silent.log().read_text().replace(LONG_AGO, ""))
    assert "WP01" in told(silent, "status", "--stale", "2h")


def test_stale_list_includes_a_claim_dated_in_the_future(silent: Stage) -> None:
    silent.put_log(silent.log().read_text().replace(LONG_AGO, "2999-01-05T09:01:00+00:00"))
    line = told(silent, "status", "--stale", "2h")
    assert "2999-01-05T09:01:00+00:00" in line
    told(silent, *shlex.split(line.partition("with: spec-kitty ")[2]))
    assert silent.lane("WP01") == "planned"


def test_stale_list_escapes_control_characters(stage: Stage) -> None:
    stage.write_mission({"WP01": {"title": "\x1b[31mred"}})
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="a\x1b[2Jb")
    assert "\x1b" not in told(stage, "status", "--stale", "0s")


@pytest.mark.parametrize(
    "words",
    [
        ["status", "--stale", "2h", "--json"],
        ["status", "--stale", "2h", "--watch"],
        ["status", "WP01", "--stale", "2h"],
        ["status", "--stale", "often"],
        ["release-claim", "WP01", "--force"],
    ],
    ids=" ".join,
)
def test_usage_errors_release_nothing(held: Stage, words: list[str]) -> None:
    assert held.run(*words).exit_code == 2
    assert held.lane("WP01") == "in_progress"


def test_release_claim_prints_an_envelope_with_json(held: Stage) -> None:
    words = ["--note", "gone", "--actor", "carol", "--force", "--json"]
    envelope = held.run("release-claim", "WP01", *words).envelope
    assert envelope["data"]["released_holder"] == "ada"
    assert held.events()[-1]["actor"] == "carol"


def test_unreadable_heartbeat_file_is_named_and_removed_by_the_printed_command(
    silent: Stage,
) -> None:
    (silent.root / ".kitty/config.toml").write_text("stale_after_s = 3600\n")
    beat = ["orchestrator-api", "heartbeat", "--mission", SLUG, "--wp", "WP01", "--actor", "ada"]
    assert silent.run(*beat).exit_code == 0
    assert silent.run("doctor").exit_code == 0
    [notes] = (Layout(silent.root).host / "signs-of-life").iterdir()
    notes.write_text("{")
    assert str(notes.relative_to(silent.root)) in silent.run("doctor").stdout.decode()
    refused = silent.run("release-claim", "WP01", "--note", "gone").stderr.decode()
    assert "next: spec-kitty doctor" in refused
    subprocess.run(shlex.split(refused.split("'")[1]), check=True)
    assert silent.run(*beat).exit_code == 0
