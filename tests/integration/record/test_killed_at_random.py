"""A redaction and a rewind that are killed at random times are completed by a repeat."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time

import pytest

from tests.campaign import sampled
from tests.integration.record.test_redact import holders
from tests.integration.stage import SLUG, TIMEOUT_S, Process, Stage, environment

MOMENTS = 9
WHY = ("--reason", "r", "--actor", "ada")


@pytest.fixture
def project(stage: Stage) -> Stage:
    folder = stage.write_mission({"WP01": {}, "WP02": {}})
    stage.git("add", str(folder))
    stage.git("commit", "-q", "-m", "mission")
    stage.done("start-implementation", mission=SLUG, wp="WP01", actor="ada")
    return stage


def killed_after(process: Process, seconds: float, secret: str = "") -> None:
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(secret.encode())
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.kill()
    process.wait(TIMEOUT_S)
    for stream in (process.stdout, process.stderr):
        assert stream is not None
        stream.close()


def begun(stage: Stage, *words: str) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "specify_cli", *words],
        cwd=stage.root,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def taken(stage: Stage, *words: str, secret: str = "") -> float:
    """Run the command without killing it; return its duration."""
    start = time.monotonic()
    process = begun(stage, *words)
    out, err = process.communicate(secret.encode(), timeout=TIMEOUT_S)
    assert process.returncode == 0, (out, err)
    return time.monotonic() - start


@pytest.mark.parametrize("seed", sampled(range(4), every=4))
def test_repeat_completes_a_killed_redaction(project: Stage, seed: int) -> None:
    chance, whole = random.Random(seed), 0.0
    for number in range(MOMENTS // 3):
        secret, about = f"secret-{seed}-{number}-\u00e9", f"n{number}"
        asked = {"mission": SLUG, "wp": "WP01", "actor": "ada"}
        project.put(about, "append-history", **asked, note=f"see {secret}")
        project.put(f"t{number}", "transition", **asked, to=f"lane {secret}")
        assert project.run("mailbox", "serve", "--once").exit_code == 0
        assert project.run("mailbox", "prune", "--yes").exit_code == 0
        for name in (about, f"t{number}"):
            words = ("redact", name, *WHY)
            if whole:
                killed_after(begun(project, *words), chance.uniform(0.3, 1) * whole, secret)
            whole = max(whole, taken(project, *words, secret=secret))
        assert holders(project, secret) == []
        verified = project.run("mailbox", "verify")
        assert (verified.exit_code, verified.stdout) == (0, b""), verified


@pytest.mark.parametrize("seed", sampled(range(4), every=4))
def test_repeat_completes_a_killed_rewind(project: Stage, seed: int) -> None:
    chance, whole = random.Random(seed), 0.0
    for number in range(MOMENTS // 2):
        event = str(project.events()[-1]["event_id"])
        note = {"mission": SLUG, "wp": "WP02", "actor": "ada", "note": f"note {number}"}
        project.done("append-history", **note)
        words = ("mission", "rewind", SLUG, "--to", event, "--yes", *WHY)
        if whole:
            killed_after(begun(project, *words), chance.uniform(0.3, 1) * whole)
        whole = max(whole, taken(project, *words))
        last = project.events()[-1]
        assert (last["event_type"], last["to_event"]) == ("MissionRewound", event)
        assert f"note {number}" not in project.log().read_text()
        verified = project.run("mailbox", "verify")
        assert (verified.exit_code, verified.stdout) == (0, b""), verified
