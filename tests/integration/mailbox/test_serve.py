"""`spec-kitty mailbox serve` as an operator starts it, with a real project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.integration.stage import SLUG, Stage, environment


def log_of(stage: Stage, *words: str, cwd: Path) -> list[dict[str, Any]]:
    # The option takes precedence over the variable.
    env = environment(SPECIFY_REPO_ROOT=str(cwd))
    words = ("mailbox", "serve", "--once", "--log-format", "json", *words)
    served = stage.run(*words, cwd=cwd, env=env)
    assert served.exit_code in {0, 1}
    return [json.loads(line) for line in served.stderr.splitlines()]


def test_worker_log_names_the_project_the_requests_and_the_reason_to_stop(
    stage: Stage, tmp_path: Path
) -> None:
    stage.write_mission({"WP01": {}})
    stage.put("seen", "mission-state", mission=SLUG)
    stage.put("unseen", "mission-state", mission="no\n\x1b[31msuch")
    lines = log_of(stage, "--project", str(stage.root), cwd=tmp_path)
    assert [it["event"] for it in lines] == [
        "worker.started",
        "request.answered",
        "request.answered",
        "worker.stopped",
    ]
    began, seen, unseen, ended = lines
    assert began["project"] == str(stage.root)
    assert began["mailboxes"] == ["default"]
    assert (seen["outcome"], seen["reason"], seen["level"]) == ("OK", None, "info")
    assert seen["mission"] == SLUG
    assert (unseen["outcome"], unseen["level"]) == ("MISSION_NOT_FOUND", "warning")
    assert "\\x1b" in unseen["mission"]
    assert (ended["answered"], ended["refused"]) == (2, 1)
    assert ended["reason"] == "every waiting request is answered"


def test_worker_that_cannot_start_logs_it_in_the_requested_format(
    stage: Stage, tmp_path: Path
) -> None:
    (stage.root / ".kitty").mkdir()
    (stage.root / ".kitty" / "config.toml").write_text("nonsense = 1\n")
    (failed,) = log_of(stage, "--project", str(stage.root), cwd=tmp_path)
    assert (failed["event"], failed["outcome"]) == ("worker.failed", "STATE_UNREADABLE")
