"""What the host remembers of the workspaces that it made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.storage import workspace_records
from specify_cli.storage.project import Project
from specify_cli.storage.workspace_records import WorkspaceRecord, folder_id

MADE = WorkspaceRecord(folders=((1, 2),), worktrees=(1, 1), commit="1" * 40, is_shared=True)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(root=tmp_path)
    made.host.mkdir(parents=True)
    return made


def test_a_folder_is_known_by_its_device_and_inode(tmp_path: Path) -> None:
    found = tmp_path.stat()
    assert folder_id(tmp_path) == (found.st_dev, found.st_ino)


@pytest.mark.parametrize("kind", ["link", "file", "pipe", "nothing"])
def test_what_is_not_a_folder_is_known_by_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "entry"
    if kind == "link":
        path.symlink_to(tmp_path)
    elif kind == "file":
        path.touch()
    elif kind == "pipe":
        os.mkfifo(path)
    assert folder_id(path) is None


def test_a_record_is_read_as_it_was_written(project: Project) -> None:
    assert workspace_records.read(project, "demo-lane-a") is None
    workspace_records.remember(project, "demo-lane-a", MADE)
    assert workspace_records.read(project, "demo-lane-a") == MADE


def test_the_folders_of_before_stay_known(project: Project) -> None:
    later = WorkspaceRecord(folders=((1, 3),), worktrees=(1, 1), commit="2" * 40, is_shared=False)
    for made in (MADE, later):
        workspace_records.remember(project, "demo-lane-a", made)
    found = workspace_records.read(project, "demo-lane-a")
    assert found is not None
    assert found.folders == ((1, 3), (1, 2))
    assert (found.commit, found.is_shared) == (later.commit, False)


def test_folders_of_a_project_that_was_copied_are_not_those_of_the_copy(project: Project) -> None:
    copied = WorkspaceRecord(folders=((1, 3),), worktrees=(9, 9), commit="2" * 40, is_shared=False)
    for made in (MADE, copied):
        workspace_records.remember(project, "demo-lane-a", made)
    assert workspace_records.read(project, "demo-lane-a") == copied


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"folders": 1}', '{"folders": [[1]]}'])
def test_a_damaged_record_is_as_good_as_none(project: Project, content: str) -> None:
    workspace_records.remember(project, "demo-lane-a", MADE)
    (path,) = (project.host / "workspaces").iterdir()
    path.write_text(content)
    assert workspace_records.read(project, "demo-lane-a") is None
    workspace_records.remember(project, "demo-lane-a", MADE)
    assert workspace_records.read(project, "demo-lane-a") == MADE
