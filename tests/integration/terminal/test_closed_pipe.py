"""A command whose reader is gone, such as `head`, ends as git does: killed by SIGPIPE, without a message.

A command that cannot write to stdout reports it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.stage import Stage
from tests.patience import LONGEST_S

COMMANDS = {
    "click's help": ["--help"],
    "help without click": ["orchestrator-api", "transition", "--help"],
    "contract verify": ["contract", "verify", "--list"],
    "contract show": ["contract", "show", "errors"],
    "an answer": ["orchestrator-api", "contract-version"],
    "an answer through click": ["orchestrator-api", "contract-version", "--provider-version=0.0.1"],
    "the journal": ["mailbox", "tail", "--no-follow"],
    "a board": ["status", "--json"],
}


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_command_whose_reader_has_gone_ends_quietly(words: list[str], stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    assert stage.run("implement", "WP01").exit_code == 0
    reader, writer = os.pipe()
    os.close(reader)

    with os.fdopen(writer, "wb") as stdout:
        ended = subprocess.run(
            [sys.executable, "-m", "specify_cli", *words],
            cwd=stage.root,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=LONGEST_S,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.long
@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS.keys())
def test_command_whose_stdout_is_closed_ends_as_usual(words: list[str], stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    assert stage.run("implement", "WP01").exit_code == 0
    ended = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", sys.executable, "-m", "specify_cli", *words],
        cwd=stage.root,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=LONGEST_S,
        check=False,
    )
    usual = stage.run(*words)
    assert (ended.returncode, ended.stderr) == (usual.exit_code, usual.stderr)


@pytest.mark.long
@pytest.mark.parametrize("buffered", ["", "1"])
@pytest.mark.parametrize("words", [["help"], ["orchestrator-api", "contract-version"]])
def test_full_disk_is_reported_without_a_traceback(
    words: list[str], buffered: str, stage: Stage
) -> None:
    with Path("/dev/full").open("wb") as stdout:
        ended = subprocess.run(
            [sys.executable, "-m", "specify_cli", *words],
            cwd=stage.root,
            env=os.environ | {"PYTHONUNBUFFERED": buffered},
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=LONGEST_S,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == b"cannot write to stdout: No space left on device\n"
