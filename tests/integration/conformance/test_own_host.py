"""Our own host keeps to all of the contract, through real processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conformance.kit import HOST, broken, verdict
from tests.integration.stage import Stage


@pytest.mark.timeout(600)
def test_own_host_conforms_at_both_doors(stage: Stage):
    command_line, worker = f"{HOST} orchestrator-api", f"{HOST} mailbox serve"
    declared = ["--capability", "host-private-layout"]

    found = verdict(stage, "--host", command_line, "--serve", worker, *declared)

    assert found.exit_code == 0, found.words
    assert found.names("failed", "not asked") == {
        "fixtures.cli.append-history/handler-fails",
        "fixtures.mailbox.append-history/handler-fails",
        "fixtures.mailbox.start-implementation/not-granted",
    }


def test_failure_that_is_listed_is_expected_and_a_listed_pass_is_not(stage: Stage, tmp_path: Path):
    listed = tmp_path / "expected.txt"
    listed.write_text("# known\ncli.help-is-prose\ncli.exit-codes  # mended since\n")
    host = broken("broken_command_line.py", "no_help")
    words = ["--host", host, "--only", "cli.[eh]*", "--expected-failures", str(listed)]

    found = verdict(stage, *words)

    assert found.exit_code == 1
    assert found.names("failed as expected") == {"cli.help-is-prose"}
    assert found.names("passed unexpectedly") == {"cli.exit-codes"}


def test_mailbox_of_somebody_elses_project_is_asked_without_touching_it(stage: Stage):
    before = stage.git("rev-parse", "HEAD")
    stage.write_mission({"WP01": {}})
    worker = stage.start("mailbox", "serve")
    kitty = stage.root / ".kitty"

    found = verdict(stage, "--mailbox", str(kitty), "--only", "*.[mos]*", "--timeout-s", "30")

    assert worker.poll() is None
    assert found.exit_code == 0, found.words
    assert "mailbox.malformed" in found.names("passed")
    assert "mailbox.order" in found.names("not asked")
    assert stage.git("rev-parse", "HEAD") == before
    assert stage.events() == []


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--host", "no-such-program-anywhere"],
        ["--host", f"{HOST} orchestrator-api", "--only", "nothing.*"],
        ["--host", f"{HOST} orchestrator-api", "--capability", "flying"],
        ["--mailbox", "nowhere/at-all"],
    ],
)
def test_wrong_use_ends_with_2(words: list[str], stage: Stage):
    (stage.root / "nowhere").mkdir()
    (stage.root / "nowhere" / "work.txt").touch()

    ended = stage.run("contract", "verify", *words)

    assert ended.exit_code == 2
    assert ended.stdout == b""
    assert b"USAGE_ERROR" in ended.stderr
