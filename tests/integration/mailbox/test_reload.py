"""`spec-kitty mailbox reload` and SIGHUP, with a real project, worker and terminal."""

from __future__ import annotations

import json
import os
import pty
import signal
import sys
import time

import pytest

from specify_cli.storage import heartbeat_file
from tests.integration.stage import SLUG, Process, Stage, environment, suspend
from tests.patience import LONGEST_S
from tests.unit.mailbox.recording import wait_until

GRANT = '[orchestrators.{}]\ncommands = ["read-only"]\n'


def configure(stage: Stage, text: str) -> None:
    path = stage.root / ".kitty" / "config.toml"
    path.with_name("new.toml").write_text(text)
    path.with_name("new.toml").rename(path)


def served(stage: Stage) -> Process:
    process = stage.start("mailbox", "serve", "--log-format", "json")
    outbox = stage.root / ".kitty" / "outbox"
    wait_until(lambda: heartbeat_file.is_alive(outbox / "worker.json"), timeout_s=LONGEST_S)
    return process


def told(stage: Stage, *words: str) -> tuple[int, str]:
    """The exit code and the whole output."""
    ended = stage.run("mailbox", *words)
    return ended.exit_code, (ended.stdout + ended.stderr).decode()


def end(process: Process) -> list[str]:
    """Terminate the worker and return its logged events."""
    process.terminate()
    _, log = process.communicate(timeout=LONGEST_S)
    assert process.returncode == 0
    return [json.loads(line)["event"] for line in log.splitlines()]


def test_reload_under_load_changes_grants_and_loses_no_request(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    worker = served(stage)
    names = [f"id-{number:03}" for number in range(120)]
    for number, name in enumerate(names):
        stage.put(name, "list-ready", mission=SLUG)
        if number % 40 == 20:
            configure(stage, GRANT.format("default") + GRANT.format(f"o{number}"))
            code, text = told(stage, "reload")
            assert (code, f"o{number}: added" in text) == (0, True), text
    wait_until(lambda: set(names) <= stage.replies(), timeout_s=LONGEST_S)
    assert all(stage.reply(name)["success"] for name in names)

    configure(stage, GRANT.format("other"))
    assert "default: removed" in told(stage, "reload")[1]
    stage.put("refused", "list-ready", mission=SLUG)
    wait_until(lambda: "refused" in stage.replies(), timeout_s=LONGEST_S)
    assert stage.reply("refused")["error_code"] == "NOT_AUTHORIZED"
    assert "mailbox reload" in stage.reply("refused")["data"]["message"]
    wait_until(lambda: "default          no grant" in told(stage, "status")[1])
    events = end(worker)
    assert events.count("request.answered") == len(names) + 1
    assert events.count("config.reloaded") == 4


def test_reload_refuses_an_invalid_config(stage: Stage) -> None:
    worker = served(stage)
    configure(stage, GRANT.format("default"))
    time.sleep(0.01)  # The file system's clock is coarse.
    assert "still uses the former settings" in told(stage, "access")[1]
    assert told(stage, "reload")[0] == 0
    assert "changed after" not in told(stage, "access")[1]
    configure(stage, '[orchestrators.default]\ncommands = ["everything"]\n')
    code, text = told(stage, "reload")
    assert code == 1
    assert "orchestrators.default.commands.0" in text
    assert f"process {worker.pid} keeps its former settings" in text
    envelope = json.loads(told(stage, "reload", "--json")[1])
    assert (envelope["success"], envelope["error_code"]) == (False, "STATE_UNREADABLE")
    stage.put("still", "list-missions")
    wait_until(lambda: "still" in stage.replies(), timeout_s=LONGEST_S)
    assert stage.reply("still")["success"]
    assert end(worker).count("config.refused") == 2


def test_reload_reports_a_missing_or_suspended_worker(stage: Stage) -> None:
    code, text = told(stage, "reload")
    assert (code, "no worker" in text) == (2, True)
    worker = served(stage)
    note = next(stage.root.glob(".git/spec-kitty/*/private/settings.json"))
    kept = note.read_text()
    note.unlink()
    code, text = told(stage, "reload")
    assert (code, f"kill {worker.pid}" in text) == (2, True)
    assert worker.poll() is None
    note.write_text(kept)
    suspend(worker)
    code, text = told(stage, "reload")
    worker.send_signal(signal.SIGCONT)
    assert (code, f"kill -CONT {worker.pid}" in text) == (2, True)
    wait_until(lambda: note.read_text() != kept, timeout_s=LONGEST_S)
    assert end(worker) == ["worker.started", "config.reloaded", "worker.stopped"]


@pytest.mark.parametrize(("prefix", "ended_by"), [([], "SIGHUP"), (["nohup"], "SIGTERM")])
def test_closing_the_terminal_ends_a_worker_unless_started_with_nohup(
    stage: Stage, prefix: list[str], ended_by: str
) -> None:
    log, heartbeat = stage.root / "log", stage.root / ".kitty" / "outbox" / "worker.json"
    command = [*prefix, sys.executable, "-m", "specify_cli", "mailbox", "serve"]
    child, terminal = pty.fork()
    if child == 0:
        os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
        os.chdir(stage.root)
        os.execvpe(command[0], command, environment())
    wait_until(lambda: heartbeat_file.is_alive(heartbeat), timeout_s=LONGEST_S)
    os.kill(child, signal.SIGHUP)
    wait_until(lambda: "config.toml was read again" in log.read_text(), timeout_s=LONGEST_S)
    os.close(terminal)
    if ended_by == "SIGTERM":
        seen = heartbeat.stat().st_mtime_ns
        wait_until(lambda: heartbeat.stat().st_mtime_ns != seen, timeout_s=LONGEST_S)
        assert os.waitpid(child, os.WNOHANG) == (0, 0)
        os.kill(child, signal.SIGTERM)
    assert os.waitpid(child, 0)[1] == 0
    assert f"ends: {ended_by}" in log.read_text()
