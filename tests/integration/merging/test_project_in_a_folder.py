"""A project in a folder of its repository is protected from agents like one at the top."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.merging.agents import OTHER, paths, put, refused, submit
from tests.integration.stage import SLUG, Stage


@pytest.fixture
def inner(stage: Stage) -> Stage:
    """A second project, in a folder of the repository."""
    made = Stage(root=stage.root / "inner")
    made.write_mission({"WP01": {}})
    return made


@pytest.fixture
def workspace(inner: Stage) -> Path:
    place = inner.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    return Path(place["workspace_path"])


@pytest.mark.parametrize(
    "path",
    [
        "inner/.kitty/config.toml",
        "inner/.worktrees/link",
        ".kitty/inbox/root.json",
        "elsewhere/.kitty/inbox/root.json",
        "inner/.Kitty/config.toml",
        f"inner/kitty-specs/{OTHER}/meta.json",
        f"inner/kitty-specs/{SLUG}/status.events.jsonl",
    ],
)
def test_changes_to_host_files_are_refused(inner: Stage, workspace: Path, path: str) -> None:
    branch = f"kitty/mission-{SLUG}-lane-a"
    before = inner.git("rev-parse", branch)
    commit = put(inner, workspace, {"inner/work.py": "work\n", path: "{}"})
    assert paths(refused(inner)) == {path: commit}
    assert inner.git("rev-parse", branch) == before


def test_removal_of_a_host_file_is_refused(inner: Stage) -> None:
    settings = inner.root / ".kitty" / "config.toml"
    settings.parent.mkdir(exist_ok=True)
    settings.write_text("trash_days = 14\n")
    inner.git("add", "-f", str(settings))
    inner.git("commit", "-q", "-m", "settings")
    place = inner.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    workspace = Path(place["workspace_path"])
    inner.git("rm", "-q", "inner/.kitty/config.toml", folder=workspace)
    put(inner, workspace, {"inner/work.py": "work\n"})
    assert list(paths(refused(inner))) == ["inner/.kitty/config.toml"]
    put(inner, workspace, {"inner/.kitty/config.toml": "trash_days = 14\n"})
    assert submit(inner)["data"]["reason_code"] == "bad_content"


def test_other_changes_are_accepted(inner: Stage, workspace: Path) -> None:
    files = {
        "inner/work.py": "work\n",
        "docs/kitty-specs/guide.md": "guide\n",
        f"inner/kitty-specs/{SLUG}/spec.md": "spec\n",
    }
    put(inner, workspace, files)
    assert submit(inner)["success"]
