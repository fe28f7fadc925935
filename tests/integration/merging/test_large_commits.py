"""The size of a commit does not determine how much memory the host uses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.stage import SLUG, Stage

MESSAGE_BYTES = 200 * 1024 * 1024

MEMORY_KIB = 150 * 1024
"""The host's memory limit: less than the message."""

ASK = """
import sys
from pathlib import Path
from specify_cli.cli import orchestrator_api
try:
    orchestrator_api.run(sys.argv[1:])
finally:
    # Not ru_maxrss, which includes the memory of the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    print(next(line for line in lines if line.startswith("VmHWM")).split()[1], file=sys.stderr)
"""


def commit_with_a_large_message(workspace: Path) -> str:
    """Commit in the workspace with a message of 200 MB."""

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], cwd=workspace, capture_output=True, check=True)
        return done.stdout.decode().strip()

    (workspace / "one.txt").write_text("1\n")
    git("add", "-A")
    who = b"A <a@a.invalid> 1700000000 +0000"
    head = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n\n" % (
        git("write-tree").encode(),
        git("rev-parse", "HEAD").encode(),
        who,
        who,
    )
    writing = subprocess.Popen(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
        cwd=workspace,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writing.stdin is not None
    writing.stdin.write(head)
    for _ in range(MESSAGE_BYTES // 1024 // 1024):
        writing.stdin.write(b"x" * 1024 * 1024)
    oid = writing.communicate()[0].decode().strip()
    git("reset", "--soft", oid)
    return oid


@pytest.mark.campaign
@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_commit_message_of_200_mb_is_not_loaded_into_memory(stage: Stage, strategy: str) -> None:
    stage.write_mission({"WP01": {}})
    start = {"mission": SLUG, "wp": "WP01", "actor": "agent"}
    workspace = Path(stage.done("start-implementation", **start)["workspace_path"])
    stage.commit({"first.txt": "1\n"}, folder=workspace)
    oid = commit_with_a_large_message(workspace)
    stage.done("transition", **start, to="approved", force=True, note="looks good")
    words = ["merge-mission", "--mission", SLUG, "--strategy", strategy, "--actor", "ada"]
    done = subprocess.run(
        [sys.executable, "-c", ASK, *words], cwd=stage.root, capture_output=True, check=False
    )
    answer = json.loads(done.stdout)
    assert int(done.stderr.split()[-1]) < MEMORY_KIB
    if strategy == "merge":
        assert answer["success"], answer
    else:
        assert answer["error_code"] == "PREFLIGHT_FAILED"
        assert any(oid in line for line in answer["data"]["errors"])
        assert stage.done("merge-mission", mission=SLUG, strategy="squash")["merged"]
