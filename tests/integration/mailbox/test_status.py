"""`mailbox status` and metrics with real workers: stopped, killed, stuck, on disks that hang or are full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage import heartbeat_file
from tests.integration.stage import SLUG, TIMEOUT_S, Outcome, Process, Stage, environment, suspend
from tests.patience import wait_until

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
SERVE = ("mailbox", "serve", "--poll-interval-s", "0.05")
CONFIG = (
    '[orchestrators.default]\ncommands = ["all"]\n[orchestrators.nightly]\ncommands = ["all"]\n'
)
OLD_WORKER = (
    "import specify_cli; specify_cli.__version__ = '0.1.9'\n"
    "import sys; sys.argv[1:] = ['mailbox', 'serve']\n"
    "from specify_cli.__main__ import main; main()"
)
# A disk that hangs: no process answers the requests of this FUSE file system.
HUNG = """
import os, subprocess, sys
fuse = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0"
subprocess.run(["mount", "-i", "-t", "fuse", "-o", options, "hung", sys.argv[1]], pass_fds=[fuse], check=True)
print("mounted", flush=True)
sys.stdin.read()
subprocess.run(["umount", "-l", sys.argv[1]], check=True)
"""
LOCKER = """
import sqlite3, sys
record = sqlite3.connect(sys.argv[1], isolation_level=None)
record.execute("PRAGMA locking_mode = EXCLUSIVE")
record.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""
needs_mount = pytest.mark.skipif(
    os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK), reason="only root can mount"
)


def beats(stage: Stage) -> bool:
    return heartbeat_file.is_alive(MailboxLayout(stage.root).heartbeat)


def serve(stage: Stage, *options: str, **kw: Any) -> Process:
    worker = stage.start(*SERVE, *options, **kw)
    path = MailboxLayout(stage.root).heartbeat
    is_its = lambda: (heartbeat_file.last_beat(path) or {}).get("pid") == worker.pid  # noqa: E731
    wait_until(is_its, timeout_s=TIMEOUT_S)
    return worker


def next_of(outcome: Outcome) -> list[str]:
    lines = outcome.stderr.decode().splitlines()
    return [line.removeprefix("next: ") for line in lines if line.startswith("next: ")]


def paste(command: str) -> None:
    subprocess.run(["bash", "-c", command], check=True, timeout=TIMEOUT_S)


def problems(stage: Stage, *options: str) -> tuple[int, list[str]]:
    ended = stage.run("mailbox", "status", "--json", *options)
    return ended.exit_code, [it["kind"] for it in json.loads(ended.stdout)["data"]["problems"]]


def kinds(stage: Stage, *options: str) -> tuple[int, list[str]]:
    """The problems besides a disk that is slow because the machine is busy: then look again."""
    found: list[tuple[int, list[str]]] = []

    def look() -> bool:
        found[:] = [problems(stage, *options)]
        return "stalled_disk" not in found[0][1]

    wait_until(look, timeout_s=TIMEOUT_S)
    return found[0]


def samples(text: str) -> dict[str, float]:
    """Parse metrics as a Prometheus server does; values by name and labels, except the project."""
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            labels = [
                f"{name}={value}"
                for name, value in sorted(sample.labels.items())
                if name != "project"
            ]
            assert "project" in sample.labels
            found[" ".join([sample.name, *labels])] = sample.value
    return found


def metrics_of(stage: Stage) -> dict[str, float]:
    return samples(stage.run("mailbox", "status", "--metrics", "-").stdout.decode())


@contextmanager
def hung(folder: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", HUNG, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"mounted\n"
    try:
        yield
    finally:
        process.communicate(timeout=TIMEOUT_S)


def test_status_tells_absent_suspended_stopped_and_killed_workers_apart(stage: Stage) -> None:
    never = stage.run("mailbox", "status")
    assert never.exit_code == 2
    assert never.stdout.startswith(b"down: no worker has served it yet\n")
    assert next_of(never) == ["spec-kitty mailbox serve"]

    worker = serve(stage)
    well = stage.run("mailbox", "status")
    assert (well.exit_code, next_of(well)) == (0, [])
    assert well.stdout.startswith(f"well: process {worker.pid} on ".encode())

    suspend(worker)
    wait_until(lambda: kinds(stage) == (2, ["worker_suspended"]), timeout_s=TIMEOUT_S)
    [command] = next_of(stage.run("mailbox", "status"))
    paste(command)
    wait_until(lambda: kinds(stage) == (0, []), timeout_s=TIMEOUT_S)

    worker.terminate()
    worker.wait(TIMEOUT_S)
    assert kinds(stage) == (2, ["worker_stopped"])

    worker = serve(stage)
    worker.kill()
    worker.wait(TIMEOUT_S)
    # Reported at once, although its last heartbeat is recent.
    assert beats(stage)
    assert kinds(stage) == (2, ["worker_died"])


def test_status_reports_a_stuck_request_and_the_advised_command_ends_it(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.git("config", "filter.slow.smudge", "sleep 600")
    (stage.root / ".git" / "info" / "attributes").write_text("README.md filter=slow\n")
    serve(stage)
    stage.put("start", "start-implementation", mission=SLUG, wp="WP01", actor="coder")
    wait_until(
        lambda: kinds(stage, "--stuck-after", "1") == (1, ["stuck_request"]), timeout_s=TIMEOUT_S
    )
    shown = stage.run("mailbox", "status", "--stuck-after", "1")
    assert b"degraded: the request start has been in progress for " in shown.stdout
    assert b"git " in shown.stdout.splitlines()[0]
    [command] = next_of(shown)
    paste(command)
    wait_until(lambda: "start" in stage.replies(), timeout_s=TIMEOUT_S)
    wait_until(lambda: kinds(stage, "--stuck-after", "1") == (0, []), timeout_s=TIMEOUT_S)


def test_status_reports_a_stale_config_and_another_version(stage: Stage) -> None:
    config = stage.root / ".kitty" / "config.toml"
    old = subprocess.Popen([sys.executable, "-c", OLD_WORKER], cwd=stage.root, env=environment())
    stage.started.append(old)
    wait_until(lambda: kinds(stage) == (1, ["other_version"]), timeout_s=TIMEOUT_S)
    paste(next_of(stage.run("mailbox", "status"))[0])
    old.wait(TIMEOUT_S)

    serve(stage)
    config.write_text(CONFIG)
    assert kinds(stage) == (1, ["stale_config"])
    assert next_of(stage.run("mailbox", "status")) == ["spec-kitty mailbox reload"]
    config.write_text("stale_after = 1\n")
    assert kinds(stage) == (1, ["damaged_config"])
    assert stage.run("mailbox", "reload").exit_code == 1
    successful = "spec_kitty_config_last_reload_successful"
    wait_until(lambda: metrics_of(stage)[successful] == 0, timeout_s=TIMEOUT_S)
    config.write_text(CONFIG)
    assert stage.run("mailbox", "reload").exit_code == 0
    wait_until(lambda: metrics_of(stage)[successful] == 1, timeout_s=TIMEOUT_S)
    assert kinds(stage) == (0, [])
    (stage.root / ".kitty" / "inbox" / "no name.json").write_text("{}")
    wait_until(lambda: kinds(stage) == (1, ["dead_letters"]), timeout_s=TIMEOUT_S)


@pytest.mark.campaign
@needs_mount
def test_status_and_other_mailboxes_work_while_an_outbox_hangs(
    stage: Stage,
) -> None:
    stage.write_mission({"WP01": {}})
    (stage.root / ".kitty").mkdir()
    (stage.root / ".kitty" / "config.toml").write_text(CONFIG)
    serve(stage)
    outbox = stage.root / ".kitty" / "outbox" / "nightly"
    wait_until((outbox / "worker.json").exists, timeout_s=TIMEOUT_S)
    with hung(outbox):
        began = time.monotonic()
        shown = stage.run("mailbox", "status")
        assert time.monotonic() - began < TIMEOUT_S / 3
        assert shown.exit_code == 1
        assert (
            f"degraded: {outbox} did not answer within 2 s (fuse from hung, mounted on {outbox})"
            in (shown.stdout.decode())
        )
        stage.put("other", "append-history", **NOTE)
        wait_until(lambda: "other" in stage.replies(), timeout_s=TIMEOUT_S)
        # Longer than a heartbeat counts as recent.
        beat = MailboxLayout(stage.root).heartbeat.stat().st_mtime_ns
        wait_until(
            lambda: MailboxLayout(stage.root).heartbeat.stat().st_mtime_ns > beat + 7_000_000_000,
            timeout_s=TIMEOUT_S,
        )
        assert problems(stage) == (1, ["stalled_disk"])
        assert metrics_of(stage)["spec_kitty_problems kind=stalled_disk"] == 1


@pytest.mark.campaign
@needs_mount
def test_full_outbox_stalls_only_its_mailbox_and_discloses_no_path(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    (stage.root / ".kitty").mkdir()
    (stage.root / ".kitty" / "config.toml").write_text(CONFIG)
    outbox = stage.root / ".kitty" / "outbox" / "nightly"
    outbox.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tiny", outbox], check=True)
    try:
        serve(stage)
        with pytest.raises(OSError, match="No space left"), (outbox / "filler").open("wb") as file:
            file.write(bytes(1024 * 1024))
        inbox = stage.root / ".kitty" / "inbox"
        stage.put("full", "append-history", **NOTE)
        wait_until(lambda: "full" in stage.replies(), timeout_s=TIMEOUT_S)
        stage.put("late", "append-history", **NOTE)
        (inbox / "late.json").rename(inbox / "nightly" / "late.json")
        full = {"stalled_mailbox", "disk_nearly_full"}
        wait_until(lambda: full <= set(kinds(stage)[1]), timeout_s=TIMEOUT_S)
        shown = stage.run("mailbox", "status")
        assert shown.exit_code == 1
        assert b"No space left on device" in shown.stdout
        told = json.loads((outbox / "worker.json").read_bytes())
        assert str(stage.root) not in (told["stalled_reason"] or "")
        for command in next_of(shown):
            if command.startswith("df "):
                paste(command)
        (outbox / "filler").unlink()
        wait_until((outbox / "late.json").exists, timeout_s=TIMEOUT_S)
        wait_until(lambda: kinds(stage) == (0, []), timeout_s=TIMEOUT_S)
    finally:
        stage.end()
        subprocess.run(["umount", "-l", outbox], check=True)


@needs_mount
def test_status_reports_a_request_that_cannot_be_moved(stage: Stage) -> None:
    stuck, source = MailboxLayout(stage.root).inbox / "stuck.json", stage.root / "source"
    stuck.parent.mkdir(parents=True)
    for file in (stuck, source):
        file.write_text("{}")
    subprocess.run(["mount", "--bind", source, stuck], check=True)
    try:
        serve(stage)
        wait_until(lambda: kinds(stage) == (1, ["unmovable_request"]))
        done = stage.run("mailbox", "status")
        assert b"stuck.json cannot be moved and stays in the inbox: Device or res" in done.stdout
        paste(next_of(done)[0])
    finally:
        subprocess.run(["umount", "-l", stuck], check=True)
    stuck.unlink(missing_ok=True)
    wait_until(lambda: kinds(stage)[1] != ["unmovable_request"])


def test_status_names_the_process_that_locks_the_record(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    note = ("--mission", SLUG, "--wp", "WP01", "--actor", "coder", "--note", "n")
    assert stage.api("append-history", *note).exit_code == 0
    [database] = (stage.root / ".git" / "spec-kitty").glob("*/record.db")
    locker = subprocess.Popen(
        [sys.executable, "-c", LOCKER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    stage.started.append(locker)
    assert locker.stdout is not None
    assert locker.stdout.readline() == b"locked\n"
    began = time.monotonic()
    shown = stage.run("mailbox", "status")
    assert time.monotonic() - began < TIMEOUT_S / 3
    assert f"{database} did not answer within 2 s" in shown.stdout.decode()
    assert f"ps -o pid,etime,args -p {locker.pid}" in next_of(shown)


def test_metrics_can_be_parsed_and_report_the_end_of_the_worker(
    stage: Stage, tmp_path: Path
) -> None:
    stage.write_mission({"WP01": {}})
    path = tmp_path / "spec-kitty.prom"
    (stage.root / ".kitty").mkdir()
    (stage.root / ".kitty" / "config.toml").write_text(CONFIG)
    worker = serve(stage, "--metrics", str(path), umask=0o077)
    wait_until(path.exists, timeout_s=TIMEOUT_S)
    assert samples(path.read_text())["spec_kitty_worker_up"] == 1
    stage.put("one", "append-history", **NOTE)
    stage.put("two", "append-history", mission=SLUG, wp="WP09", actor="coder", note="n")
    strange = stage.root / ".kitty" / "inbox" / "stranger"
    strange.mkdir()
    stage.put("three", "contract-version", policy=None)
    (stage.root / ".kitty" / "inbox" / "three.json").rename(strange / "three.json")
    answered: Callable[[], bool] = lambda: {"one", "two"} <= stage.replies()  # noqa: E731
    wait_until(answered, timeout_s=TIMEOUT_S)
    wait_until(
        (stage.root / ".kitty" / "outbox" / "stranger" / "three.json").exists, timeout_s=TIMEOUT_S
    )
    worker.terminate()
    worker.wait(TIMEOUT_S)
    found = samples(path.read_text())
    assert path.stat().st_mode & 0o777 == 0o644
    assert [it.name for it in tmp_path.iterdir() if it.name.endswith(".tmp")] == []
    assert found["spec_kitty_worker_up"] == 0
    assert found["spec_kitty_problems kind=worker_stopped"] == 1
    requests = "spec_kitty_requests_total command="
    assert found[f"{requests}append-history orchestrator=default outcome=success"] == 1
    assert found[f"{requests}append-history orchestrator=default outcome=refused"] == 1
    assert found[f"{requests}contract-version orchestrator=(no grant) outcome=refused"] == 1
    assert found["spec_kitty_refusals_total error_code=WP_NOT_FOUND"] == 1
    count = "spec_kitty_request_duration_seconds_count command=append-history outcome=success"
    assert found[count] == 1
    assert not any("stranger" in name for name in found)
