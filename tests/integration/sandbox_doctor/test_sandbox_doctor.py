"""`doctor --sandbox` checks the sandbox of an orchestrator from inside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.sandbox_doctor.bubble import Bubble
from tests.integration.stage import Outcome, Stage
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import wait_until

LINES = {
    "inbox",
    "rename",
    "room",
    "owner",
    "outbox",
    "outbox-read-only",
    "worker",
    "commands",
    "contract",
    "events",
    "project",
    "repository",
    "workspaces",
    "host",
    "network",
    "home",
    "python",
    "git",
}


@pytest.fixture
def bubble(stage: Stage) -> Bubble:
    """A correct sandbox of a mailbox with a worker."""
    stage.write_mission({"WP01": {}})
    stage.start("mailbox", "serve")
    kitty = stage.root / ".kitty"
    wait_until((kitty / "outbox" / "worker.json").exists, timeout_s=LONGEST_S)
    return Bubble(kitty=kitty)


def verdicts(outcome: Outcome) -> dict[str, str]:
    """Check to verdict; asserts that the exit code agrees."""
    report = outcome.envelope["data"]
    assert set(report) == {"sandbox", "can_work", "checks"}, outcome
    found = {check["check"]: check["verdict"] for check in report["checks"]}
    assert report["can_work"] == ("no" not in found.values())
    assert outcome.exit_code == (0 if report["can_work"] else 1)
    for check in report["checks"]:
        assert (check["repair"] is None) == (check["verdict"] == "ok"), check
    return found


def not_ok(bubble: Bubble, where: str = "/mailbox") -> dict[str, str]:
    found = verdicts(bubble.run("doctor", "--sandbox", where, "--json"))
    return {check: verdict for check, verdict in found.items() if verdict != "ok"}


def test_correct_sandbox_passes_all_checks_and_is_left_unchanged(bubble: Bubble) -> None:
    outcome = bubble.run("doctor", "--sandbox", "/mailbox", "--json")
    assert verdicts(outcome) == dict.fromkeys(LINES, "ok"), outcome.stdout
    assert list((bubble.kitty / "inbox").iterdir()) == []
    answer = bubble.run("orchestrator-api", "contract-version", "--mailbox", "/mailbox")
    assert answer.envelope["success"]


def test_owner_of_files_is_compared_with_that_of_the_inbox(bubble: Bubble) -> None:
    bubble.more += ["--uid", "1777"]
    report = bubble.run("doctor", "--sandbox", "/mailbox", "--json").envelope["data"]
    [line] = [it for it in report["checks"] if it["check"] == "owner"]
    assert line["what"] == "files belong to uid 1777 as seen here, as the folder does"


def test_text_output_has_one_line_for_each_check(bubble: Bubble) -> None:
    outcome = bubble.run("doctor", "--sandbox", "/mailbox")
    lines = outcome.stdout.decode().splitlines()
    assert outcome.exit_code == 0
    assert {line.split()[1].removesuffix(":") for line in lines} == LINES


def test_read_only_inbox_fails_the_check(bubble: Bubble) -> None:
    bubble.inbox = "--ro-bind"
    assert not_ok(bubble) == {"inbox": "no"}


def test_writable_outbox_gives_a_warning(bubble: Bubble) -> None:
    bubble.outbox = "--bind"
    assert not_ok(bubble) == {"outbox-read-only": "warn"}


def test_missing_worker_fails_the_check(bubble: Bubble, stage: Stage) -> None:
    [worker] = stage.started
    worker.terminate()
    worker.communicate(timeout=LONGEST_S)
    assert not_ok(bubble) == {"worker": "no"}


def test_network_gives_a_warning(bubble: Bubble) -> None:
    bubble.more += ["--share-net"]
    assert set(not_ok(bubble)) <= {"network"}  # Empty on a machine without a network.


@pytest.mark.parametrize("place", ["", "/sandbox/project"])
def test_visible_project_gives_warnings(bubble: Bubble, place: str) -> None:
    root = str(bubble.kitty.parent)
    bubble.more += ["--ro-bind", root, place or root]
    assert not_ok(bubble) == {"project": "warn", "repository": "warn", "host": "warn"}


@pytest.mark.parametrize("place", ["", "/sandbox/git"])
def test_writable_repository_fails_the_check(bubble: Bubble, place: str) -> None:
    git = str(bubble.kitty.parent / ".git")
    bubble.more += ["--bind", git, place or git]
    found = not_ok(bubble)
    assert {found.pop(name, "warn") for name in ("project", "host")} == {"warn"}
    assert found == {"repository": "no"}


def test_bound_workspaces_must_not_include_folders_of_the_host(bubble: Bubble) -> None:
    trees = bubble.kitty.parent / ".worktrees"
    for name in (".making", ".mirror", ".trash"):
        (trees / name).mkdir(parents=True)
    bubble.more += ["--bind", str(trees), "/trees"]
    assert not_ok(bubble) == {"workspaces": "no"}
    bubble.more += ["--tmpfs", "/trees/.making", "--tmpfs", "/trees/.trash"]
    assert not_ok(bubble) == {"workspaces": "warn"}
    bubble.more += ["--ro-bind", str(trees / ".mirror"), "/trees/.mirror"]
    assert not_ok(bubble) == {}


def test_home_that_is_not_empty_gives_a_warning(bubble: Bubble) -> None:
    bubble.more += ["--setenv", "HOME", "/usr"]
    assert not_ok(bubble) == {"home": "warn"}


def test_missing_folders_fail_the_checks(bubble: Bubble) -> None:
    found = not_ok(bubble, "/nowhere")
    assert (found["inbox"], found["outbox"], found["worker"]) == ("no", "no", "no")


def test_doctor_needs_no_third_party_package(bubble: Bubble) -> None:
    bubble.python += ["-S"]
    assert not_ok(bubble) == {}


@pytest.mark.parametrize("words", [["--sandbox", ""], ["--sandbox"], ["--sandbox", "x", "--fix"]])
def test_usage_errors_exit_with_2(stage: Stage, tmp_path: Path, words: list[str]) -> None:
    outcome = stage.run("doctor", *words, cwd=tmp_path)
    assert (outcome.exit_code, outcome.stdout) == (2, b"")
    assert outcome.stderr
