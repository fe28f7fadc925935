"""Tests of what the host records of the workspaces that it created."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.files.identity import Identity
from specify_cli.storage import workspace_records
from specify_cli.storage.project import Project
from specify_cli.storage.workspace_records import WorkspaceRecord

MADE = WorkspaceRecord(
    folders=(Identity(device=1, inode=2),),
    worktrees=Identity(device=1, inode=1),
    commit="1" * 40,
    is_shared=True,
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(root=tmp_path)
    made.host.mkdir(parents=True)
    return made


def test_a_workspace_record_is_read_unchanged(project: Project) -> None:
    assert workspace_records.read(project, "demo-lane-a") is None
    workspace_records.remember(project, "demo-lane-a", MADE)
    assert workspace_records.read(project, "demo-lane-a") == MADE


def test_earlier_folders_of_a_workspace_are_kept(project: Project) -> None:
    later = WorkspaceRecord(
        folders=(Identity(device=1, inode=3),),
        worktrees=Identity(device=1, inode=1),
        commit="2" * 40,
        is_shared=False,
    )
    for made in (MADE, later):
        workspace_records.remember(project, "demo-lane-a", made)
    found = workspace_records.read(project, "demo-lane-a")
    assert found is not None
    assert found.folders == (Identity(device=1, inode=3), Identity(device=1, inode=2))
    assert (found.commit, found.is_shared) == (later.commit, False)


def test_folders_of_a_copied_project_are_dropped(project: Project) -> None:
    copied = WorkspaceRecord(
        folders=(Identity(device=1, inode=3),),
        worktrees=Identity(device=9, inode=9),
        commit="2" * 40,
        is_shared=False,
    )
    for made in (MADE, copied):
        workspace_records.remember(project, "demo-lane-a", made)
    assert workspace_records.read(project, "demo-lane-a") == copied


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"folders": 1}', '{"folders": [[1]]}'])
def test_a_damaged_workspace_record_is_ignored_and_replaced(project: Project, content: str) -> None:
    workspace_records.remember(project, "demo-lane-a", MADE)
    (path,) = (project.host / "workspaces").iterdir()
    path.write_text(content)
    assert workspace_records.read(project, "demo-lane-a") is None
    workspace_records.remember(project, "demo-lane-a", MADE)
    assert workspace_records.read(project, "demo-lane-a") == MADE
