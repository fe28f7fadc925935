"""A command starts no more git processes than before; `limits.toml` has the counts."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specify_cli.vcs import git as git_module
from tests.integration.stage import APPROVED, SLUG, Stage

LIMITS = tomllib.loads(Path(__file__).with_name("limits.toml").read_text())["gits"]
WHO = {"mission": SLUG, "wp": "WP01", "actor": "coder"}


@contextmanager
def counted(name: str, counts: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Note under the name how many git processes this process starts in the block."""
    before = git_module._started
    counts[name] = 0

    def started(*command: Any, **how: Any) -> Any:
        counts[name] += 1
        return before(*command, **how)

    with monkeypatch.context() as patch:
        patch.setattr(git_module, "_started", started)
        yield


def test_commands_start_no_more_git_processes_than_their_limits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: dict[str, int] = {}
    stage = Stage(root=tmp_path)
    stage.make_repository()
    stage.write_mission({"WP01": {"owned_files": ["src/**"]}})
    stage.commit({"kitty-specs/README.md": "Missions\n"})
    with counted("start-implementation", counts, monkeypatch):
        begun = stage.done("start-implementation", **WHO)
    stage.commit({"src/one.py": "one\n"}, folder=Path(begun["workspace_path"]))
    with counted("transition --to for_review", counts, monkeypatch):
        stage.done("transition", **WHO, to="for_review", subtasks_complete=True)
    with counted("start-review", counts, monkeypatch):
        stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    with counted("transition --to approved", counts, monkeypatch):
        who = {**WHO, "actor": "reviewer"}
        stage.done("transition", **who, to="approved", review_result=APPROVED)
    with counted("accept-mission", counts, monkeypatch):
        stage.done("accept-mission", mission=SLUG, actor="lead")
    with counted("merge-mission", counts, monkeypatch):
        stage.done("merge-mission", mission=SLUG, target="main", strategy="merge", push=False)
    assert {name: n for name, n in counts.items() if n > LIMITS[name]} == {}, counts
    assert counts.keys() == LIMITS.keys()
