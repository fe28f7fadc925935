"""Requests about claims, and a clock that the tests control."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.stage import SLUG, Stage

NOW = datetime(2030, 5, 6, 12, tzinfo=UTC)
SHARED = {"WP01": {"owned_files": ["src/**"]}, "WP02": {"owned_files": ["src/**"]}}
RULE = "stale_after_s = 7200"
WHY = {"note": "no answer since noon"}


class Clock:
    """The host's clock, which stands still until it is advanced."""

    def __init__(self, frozen: Any) -> None:
        self._frozen = frozen

    def pass_by(self, **time: float) -> None:
        self._frozen.tick(timedelta(**time))


def start(stage: Stage, actor: str, wp: str = "WP01") -> dict[str, Any]:
    return stage.ask("start-implementation", mission=SLUG, wp=wp, actor=actor)


def move(stage: Stage, actor: str, to: str, **args: Any) -> dict[str, Any]:
    return stage.ask("transition", mission=SLUG, wp="WP01", actor=actor, to=to, **args)


def release(stage: Stage, actor: str = "carol", **args: Any) -> dict[str, Any]:
    return stage.ask(
        "release-claim", mission=SLUG, wp="WP01", actor=actor, policy=None, **{**WHY, **args}
    )


def beat(stage: Stage, actor: str = "ada", **args: Any) -> dict[str, Any]:
    return stage.ask("heartbeat", mission=SLUG, wp="WP01", actor=actor, policy=None, **args)


def rewrite_log(stage: Stage, *, at: Sequence[str]) -> None:
    """Give the lines of the log these dates."""
    lines = [json.loads(line) for line in stage.log().read_text().splitlines()]
    dated = (line | {"at": date} for line, date in zip(lines, at, strict=True))
    stage.put_log("".join(json.dumps(line) + "\n" for line in dated))


def set_rule(stage: Stage, text: str = RULE) -> None:
    (stage.root / ".kitty").mkdir(exist_ok=True)
    (stage.root / ".kitty/config.toml").write_text(text + "\n")


def on_board(stage: Stage) -> dict[str, Any]:
    package: dict[str, Any] = stage.done("mission-state", mission=SLUG)["work_packages"][0]
    return package


def seen(stage: Stage) -> str | None:
    return on_board(stage).get("last_sign_of_life")


def commit_at(stage: Stage, folder: Path, date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("GIT_COMMITTER_DATE", date)
        stage.commit({"src/one.py": f"{date}\n"}, folder=folder)
