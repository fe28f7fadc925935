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


def test_a_worker_started_elsewhere_says_what_it_serves_and_why_it_ends(
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


def test_a_worker_that_cannot_start_says_so_in_the_format_that_was_asked_for(
    stage: Stage, tmp_path: Path
) -> None:
    (stage.root / ".kitty").mkdir()
    (stage.root / ".kitty" / "config.toml").write_text("nonsense = 1\n")
    (failed,) = log_of(stage, "--project", str(stage.root), cwd=tmp_path)
    assert (failed["event"], failed["outcome"]) == ("worker.failed", "STATE_UNREADABLE")
