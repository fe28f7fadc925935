"""In a workspace whose `.git` names an agent's repository, commands still use the own project."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.stage import SLUG, Stage, environment

OTHER = "009-foreign"


@pytest.fixture
def workspace(stage: Stage) -> Path:
    """A workspace that names a foreign repository with missions and a filter that creates a mark."""
    stage.write_mission({"WP01": {"owned_files": ["a/**"]}})
    folder = Path(
        stage.done("start-implementation", wp="WP01", mission=SLUG, actor="coder")["workspace_path"]
    )
    foreign = Stage(root=folder.parent / "foreign")
    foreign.make_repository()
    foreign.write_mission({"WP01": {}, "WP02": {}}, slug=OTHER)
    foreign.commit({".gitattributes": "* filter=evil\n"})
    program = f"touch '{mark_of(stage)}'; cat"
    for way in ("clean", "smudge"):
        foreign.git("config", f"filter.evil.{way}", program)
    shutil.rmtree(folder / ".git")
    (folder / ".git").write_text(f"gitdir: {foreign.root / '.git'}\n")
    return folder


def mark_of(stage: Stage) -> Path:
    return stage.root.parent / "it-ran"


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("status", SLUG),
        ("mission", "list"),
        ("implement", "WP01", "--actor", "coder"),
        ("agent", "tasks", "mark-status", "T001", "--status", "done", "--mission", SLUG),
        ("tasks", "list"),
        ("doctor",),
        ("merge",),
        ("init",),
        ("mailbox", "status"),
        ("orchestrator-api", "mission-state", "--mission", SLUG),
    ],
)
@pytest.mark.parametrize("by", sampled(["working directory", "variable"], every=2))
def test_commands_do_not_use_a_foreign_repository(
    stage: Stage, workspace: Path, words: tuple[str, ...], by: str
) -> None:
    if by == "variable":
        env = {**environment(), "SPECIFY_REPO_ROOT": str(workspace)}
        ended = stage.run(*words, cwd=stage.root.parent, env=env)
    else:
        ended = stage.run(*words, cwd=workspace)
    said = ended.stdout + ended.stderr
    assert OTHER.encode() not in said
    assert b"Traceback" not in said
    assert not mark_of(stage).exists()
    foreign = workspace.parent / "foreign"
    assert not (foreign / ".kitty").exists()
    assert not (foreign / ".worktrees").exists()


def test_status_shows_the_own_project(stage: Stage, workspace: Path) -> None:
    assert SLUG.encode() in stage.run("status", cwd=workspace).stdout
