"""Our own host conforms to the whole contract, through real processes."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from specify_cli.conformance import verifier
from tests.integration.conformance.kit import HOST, broken, only, verdict
from tests.integration.stage import Process, Stage, environment
from tests.patience import LONGEST_S, wait_until

# Only these golden cases run here, and a third of those that need a worker of their own. To start a
# process for every request of all cases takes a minute: the tests of the contract run each case.
SOME = ["fixtures.*.start-review/*", "fixtures.mailbox.append-history/*"]
DECLARED = ["--capability", "host-private-layout", "--capability", "access-control"]


def first_seen(folder: Path, pattern: str, writer: Process) -> Path:
    """Wait for the file and return it."""
    wait_until(lambda: any(folder.glob(pattern)), pattern, process=writer)
    return next(folder.glob(pattern))


def test_own_host_conforms_at_both_interfaces(stage: Stage):
    interfaces = ["--host", f"{HOST} orchestrator-api", "--serve", f"{HOST} mailbox serve"]

    rules = ["cli.*", "mailbox.*", "doors.*"]
    alone = [check.name for check in verifier.checks() if "restart" in check.requires]

    found = verdict(stage, *interfaces, *DECLARED, *only([*rules, *SOME, *alone[::3]]))

    assert found.exit_code == 0, found.words
    assert found.names("failed", "not asked") == {"fixtures.mailbox.append-history/handler-fails"}


def test_terminated_kit_leaves_no_process_or_file_behind(stage: Stage, tmp_path: Path):
    desk = tmp_path / "desk"
    desk.mkdir()
    words = ["contract", "verify", "--serve", f"{HOST} mailbox serve", "--only", "mailbox.*"]
    kit = stage.start(*words, env=environment(TMPDIR=str(desk)))
    beat = first_seen(desk, "*/served/.kitty/outbox/worker.json", kit)
    worker = json.loads(beat.read_bytes())["pid"]

    kit.terminate()

    assert kit.wait(LONGEST_S) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert not list(desk.iterdir())


def test_expected_failures_are_accepted_and_unexpected_passes_are_not(stage: Stage, tmp_path: Path):
    listed = tmp_path / "expected.txt"
    listed.write_text("# known\ncli.help-is-prose\ncli.exit-codes  # mended since\n")
    host = broken("broken_command_line.py", "no_help")
    words = ["--host", host, "--only", "cli.[eh]*", "--expected-failures", str(listed)]

    junit = tmp_path / "results.xml"
    found = verdict(stage, *words, "--junit", str(junit))

    assert found.exit_code == 1
    assert found.names("failed as expected") == {"cli.help-is-prose"}
    assert found.names("passed unexpectedly") == {"cli.exit-codes"}
    assert found.told["conforms"] is False
    cases = {
        case.attrib["name"]: [told.tag for told in case]
        for case in ET.parse(junit).iter("testcase")
    }
    assert cases == {"help-is-prose": ["skipped"], "exit-codes": ["failure"]}


def test_verify_of_an_existing_mailbox_does_not_change_its_project(stage: Stage):
    before = stage.git("rev-parse", "HEAD")
    stage.write_mission({"WP01": {}})
    worker = stage.start("mailbox", "serve")
    kitty = stage.root / ".kitty"
    first_seen(kitty, "outbox/worker.json", worker)

    found = verdict(
        stage, "--mailbox", str(kitty), "--only", "*.[mos]*", "--timeout-s", str(LONGEST_S)
    )

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
        ["--host", f"{HOST} orchestrator-api", "--expected-failures", "nowhere.txt"],
    ],
)
def test_usage_errors_exit_with_2(words: list[str], stage: Stage):
    (stage.root / "nowhere").mkdir()
    (stage.root / "nowhere" / "work.txt").touch()

    ended = stage.run("contract", "verify", *words)

    assert ended.exit_code == 2
    assert ended.stdout == b""
    assert b"USAGE_ERROR" in ended.stderr
