"""A process with two folders and no project uses the command line through the mailbox."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Process, Stage, environment, flags, outcome, suspend
from tests.integration.through_mailbox.door import WITHOUT_PRIVILEGES, Sandboxed
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import wait_until

NOTE = ["append-history", *flags(wp="WP01", actor="coder", note="n")]
READ = ["mission-state", "--mission", SLUG]
HEAVY = ("click", "pydantic", "pydantic_core", "filelock", "watchdog", "yaml", "rich")
PACKAGES = {"specify_cli", "spec_kitty_client"}
OURS = {
    "spec_kitty_client",
    "spec_kitty_client.heartbeat",
    "spec_kitty_client.mailbox",
    "spec_kitty_client.reply_files",
    "spec_kitty_client.unanswered",
    "spec_kitty_client.waiting",
    "specify_cli",
    "specify_cli.__main__",
    "specify_cli.cli",
    "specify_cli.cli.api_line",
    "specify_cli.cli.plain_call",
    "specify_cli.cli.reply",
    "specify_cli.cli.shipped",
    "specify_cli.cli.through_mailbox",
    "specify_cli.errors",
    "specify_cli.mailbox",
    "specify_cli.mailbox.printable",
}


@pytest.fixture
def door(stage: Stage, tmp_path: Path) -> Sandboxed:
    """A project with one package, whose mailbox has no worker yet."""
    stage.write_mission({"WP01": {}})
    for name in ("inbox", "outbox"):
        (stage.root / ".kitty" / name).mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    return Sandboxed(stage=stage, folder=tmp_path / "elsewhere")


def serve(door: Sandboxed) -> Process:
    """Start a worker and wait for its first heartbeat."""
    worker = door.stage.start("mailbox", "serve")
    beat = door.mailbox / "outbox" / "worker.json"
    wait_until(lambda: beat.exists() and json.loads(beat.read_bytes())["state"] == "running")
    return worker


def test_every_kind_of_request_works_through_the_mailbox(door: Sandboxed) -> None:
    serve(door)
    assert door.ask("contract-version").code is None
    assert door.ask(*READ).code is None
    assert door.ask("start-implementation", *flags(wp="WP01", actor="a")).code == (
        "POLICY_METADATA_REQUIRED"
    )
    noted = door.ask(*NOTE, "--correlation-id", "mine")
    assert noted.code is None
    assert door.ask(*NOTE, "--correlation-id", "mine").stdout == noted.stdout
    assert door.stage.api(*NOTE, "--correlation-id", "mine").stdout == noted.stdout
    assert len(door.stage.events()) == 1
    assert door.ask("mission-state", "--mission", "none").code == "MISSION_NOT_FOUND"
    assert door.ask(*READ, "--bogus").code == "USAGE_ERROR"
    other = door.ask(
        "accept-mission", "--mission", SLUG, "--actor", "a", "--correlation-id", "mine"
    )
    assert other.code == "CORRELATION_ID_CONFLICT"


def test_environment_names_the_mailbox_and_the_option_takes_precedence(door: Sandboxed) -> None:
    serve(door)
    by_variable = {"SPEC_KITTY_MAILBOX": str(door.mailbox)}
    assert door.ask_by_variable(*READ, **by_variable).code is None
    two = f"{door.mailbox}/inbox{os.pathsep}{door.mailbox}/outbox"
    assert door.ask_by_variable(*READ, SPEC_KITTY_MAILBOX=two).code is None
    named = [*READ, "--mailbox", str(door.mailbox)]
    assert door.ask_by_variable(*named, SPEC_KITTY_MAILBOX="/nowhere").code is None
    empty = door.ask_by_variable(*READ, SPEC_KITTY_MAILBOX="", SPEC_KITTY_MAILBOX_TIMEOUT_S="")
    assert empty.code == "MISSION_NOT_FOUND"


def test_request_loads_only_the_standard_library(
    door: Sandboxed,
) -> None:
    serve(door)
    told = "import json, sys; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    program = f"""
import atexit, sys
atexit.register(lambda: exec({told!r}))
sys.argv = ["spec-kitty", "orchestrator-api", *sys.argv[1:]]
from specify_cli.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, *NOTE, "--mailbox", str(door.mailbox)],
        cwd=door.folder,
        env=environment(),
        capture_output=True,
        check=True,
        timeout=LONGEST_S,
    )
    loaded = set(json.loads(done.stderr))
    assert json.loads(done.stdout)["success"]
    assert loaded.isdisjoint(HEAVY)
    assert {name for name in loaded if name.split(".")[0] in PACKAGES} == OURS
    foreign = {name.split(".")[0] for name in loaded} - sys.stdlib_module_names
    assert foreign <= {*PACKAGES, "__main__", "__mp_main__"}


def beat_every(door: Sandboxed, interval_s: float, **also: str) -> None:
    """Rewrite the heartbeat of a suspended worker to promise the next beat within that time."""
    beat = door.mailbox / "outbox" / "worker.json"
    beat.write_text(json.dumps(json.loads(beat.read_bytes()) | {"interval_s": interval_s} | also))


def late(door: Sandboxed, *words: str) -> dict[str, Any]:
    missed = door.ask(*words, "--timeout-s", "0.3")
    assert missed.code == "STORAGE_FAILED"
    data: dict[str, Any] = missed.envelope["data"]
    assert data["retryable"] is True
    return data


def test_missing_worker_is_reported_and_the_late_answer_can_be_collected(door: Sandboxed) -> None:
    # The process reports it after two seconds, unless a busy machine delays its next look.
    for timeout_s in ("3", "30"):
        words = ("--timeout-s", timeout_s, "--correlation-id", "mine")
        missed = outcome(door.start_until_it_waits(*NOTE, *words))
        assert missed.envelope["data"]["reason"] == "no_worker"
        if missed.stderr:
            break
    assert missed.stderr.count(b"no worker serves") == 1
    serve(door)
    assert door.ask(*NOTE, "--correlation-id", "mine").code is None
    assert len(door.stage.events()) == 1


def test_requests_to_a_suspended_worker_stay_queued(door: Sandboxed) -> None:
    worker = serve(door)
    suspend(worker)
    beat_every(door, LONGEST_S)
    try:
        late(door, *READ)
        data = late(door, *READ)
        assert data["reason"] == "queued"
        assert "position 2" in data["message"]
    finally:
        worker.send_signal(signal.SIGCONT)


def test_worker_killed_during_a_request_is_reported_as_lost_contact(door: Sandboxed) -> None:
    worker = serve(door)
    suspend(worker)
    # A busy machine may not let it look often enough before the end of its wait.
    for timeout_s in ("6", "60"):
        beat_every(door, LONGEST_S, state="stalled")
        process = door.start_until_it_waits(*READ, "--timeout-s", timeout_s)
        assert process.stderr is not None
        # It has read the heartbeat.
        assert b"the worker is stalled" in process.stderr.readline()
        worker.kill()
        beat_every(door, 0.01)
        reason = outcome(process).envelope["data"]["reason"]
        if reason == "lost_contact":
            break
    assert reason == "lost_contact"


@pytest.mark.parametrize(
    ("sent", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["ctrl-c", "term"]
)
def test_interrupted_wait_prints_two_ways_to_collect_the_answer(
    door: Sandboxed, sent: signal.Signals, exit_code: int
) -> None:
    process = door.start_until_it_waits(*NOTE)
    process.send_signal(sent)
    stopped = outcome(process)
    assert (stopped.exit_code, stopped.stdout) == (exit_code, b"")
    [request] = door.waiting
    correlation_id = request.stem
    words = stopped.stderr.decode().split()
    assert f"--correlation-id {correlation_id}" in " ".join(words)
    [place] = [word.rstrip(",") for word in words if word.startswith(str(door.mailbox / "outbox"))]
    serve(door)
    wait_until(Path(place).exists)
    again = door.ask(*NOTE, "--correlation-id", correlation_id)
    assert again.stdout == Path(place).read_bytes()
    assert again.code is None
    assert len(door.stage.events()) == 1


def test_interrupt_works_for_arguments_that_click_parses(door: Sandboxed) -> None:
    words = ["append-history", *flags(wp="WP01", actor="-dash", note="n")]
    process = door.start_until_it_waits(*words)
    process.send_signal(signal.SIGINT)
    assert outcome(process).exit_code == 130


def spoilt(tmp_path: Path) -> list[str]:
    """Invalid values of `--mailbox`."""
    for name in ("half/inbox", "empty", "file"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "file" / "inbox").touch()
    places = [str(tmp_path / name) for name in ("missing", "empty", "half", "file")]
    return [*places, "", "a:b:c", ":", f"{tmp_path}/half/inbox:", "/missing/in:/missing/out"]


def test_invalid_mailbox_is_a_usage_error(door: Sandboxed, tmp_path: Path) -> None:
    for mailbox in spoilt(tmp_path):
        refused = outcome(door.start(*READ, "--mailbox", mailbox))
        assert refused.code == "USAGE_ERROR", mailbox
        assert "--mailbox" in refused.envelope["data"]["message"]
    twice = door.ask(*READ, "--mailbox", "x")
    assert twice.code == "USAGE_ERROR"


@pytest.mark.parametrize("timeout", ["soon", "-1", "nan", "inf", ""])
def test_invalid_timeout_is_a_usage_error(door: Sandboxed, timeout: str) -> None:
    assert door.ask(*READ, f"--timeout-s={timeout}").code == "USAGE_ERROR"


def test_timeout_without_mailbox_and_reserved_id_are_usage_errors(
    door: Sandboxed,
) -> None:
    assert door.stage.api(*READ, "--timeout-s", "5").code == "USAGE_ERROR"
    assert door.ask(*NOTE, "--correlation-id", "Worker").code == "USAGE_ERROR"
    assert door.waiting == []


@pytest.mark.parametrize(("name", "mode"), [("inbox", 0o500), ("outbox", 0o200)])
def test_folder_without_permissions_is_reported_before_a_request_is_sent(
    door: Sandboxed, name: str, mode: int
) -> None:
    folder = door.mailbox / name
    folder.chmod(mode)
    refused = _without_privileges(door, *READ, "--timeout-s", "1")
    folder.chmod(0o700)
    assert refused["error_code"] == "STORAGE_FAILED"
    assert str(folder) in refused["data"]["message"]
    assert "reason" not in refused["data"]
    assert door.waiting == []


def test_unreadable_reply_is_reported(door: Sandboxed) -> None:
    reply = door.mailbox / "outbox" / "mine.json"
    reply.write_text("{}")
    reply.chmod(0)
    refused = _without_privileges(door, *NOTE, "--correlation-id", "mine")
    assert refused["error_code"] == "STORAGE_FAILED"
    assert str(reply) in refused["data"]["message"]


def _without_privileges(door: Sandboxed, *words: str) -> dict[str, Any]:
    asking = [sys.executable, "-m", "specify_cli", "orchestrator-api", *words]
    done = subprocess.run(
        [*WITHOUT_PRIVILEGES, *asking, "--mailbox", str(door.mailbox)],
        cwd=door.folder,
        env=environment(),
        capture_output=True,
        check=False,
        timeout=LONGEST_S,
    )
    assert done.returncode == 1, done
    envelope: dict[str, Any] = json.loads(done.stdout)
    return envelope


def test_reply_that_is_not_an_envelope_is_a_host_error(door: Sandboxed) -> None:
    (door.mailbox / "outbox" / "mine.json").write_bytes(b'{"success": true}')
    assert door.ask(*NOTE, "--correlation-id", "mine").code == "HOST_ERROR"


@pytest.mark.parametrize("torn", [b"no JSON", b"", b"[]"])
def test_incomplete_reply_is_ignored(door: Sandboxed, torn: bytes) -> None:
    (door.mailbox / "outbox" / "mine.json").write_bytes(torn)
    words = (*NOTE, "--correlation-id", "mine")
    process = door.start_until_it_waits(*words)
    serve(door)
    whole = outcome(process)
    assert whole.code is None
    assert json.loads((door.mailbox / "outbox" / "mine.json").read_bytes()) == whole.envelope
