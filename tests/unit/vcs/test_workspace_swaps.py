"""Tests of swapping a workspace for a new one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.files.identity import identity
from specify_cli.vcs.errors import AllocationFailed
from specify_cli.vcs.workspaces import Objects, swap
from tests.durability import watched
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import (
    SHARED_AND_COPIED,
    Workspace,
    identity_and_times,
    order,
    pins,
    remains,
    workspace,
)

pytestmark = pytest.mark.long


@SHARED_AND_COPIED
@pytest.mark.usefixtures("kernel")
def test_a_swap_replaces_the_workspace_and_keeps_the_old_one(
    project: Project, objects: Objects
) -> None:
    old = workspace(project, objects=objects)
    work = old.commit({"new.txt": "work\n"})
    later = project.commit({"a.txt": "later\n"})
    made = swap(project.repo, order(project, objects=objects), old=old.made.identity)
    assert identity(old.path) == made.identity != old.made.identity
    assert old.git("rev-parse", "HEAD") == later
    assert old.git("status", "--porcelain", "--ignored") == ""
    assert made.old is not None
    assert identity(made.old) == old.made.identity
    back = made.old.rename(old.path.with_name("back"))
    assert project.git("rev-parse", "HEAD", at=back) == work
    assert project.git("fsck", "--strict", "--no-dangling", at=back) == ""


def test_a_swap_is_durable(project: Project) -> None:
    old = workspace(project)
    with watched() as disk:
        swap(project.repo, order(project), old=old.made.identity)
    assert disk.steps[-1] == f"sync {old.path.parent.name}"


@SHARED_AND_COPIED
@pytest.mark.usefixtures("kernel")
def test_a_swap_refuses_a_folder_that_the_host_did_not_create(
    project: Project, objects: Objects
) -> None:
    old = workspace(project, objects=objects)
    shutil.copytree(old.path, old.path.with_name("planted"), symlinks=True)
    old.path.rename(project.root.parent / "moved")
    for plant in (Path.touch, lambda path: path.symlink_to(project.root), Path.mkdir):
        act: Callable[[Path], object] = plant
        act(old.path)
        there = identity_and_times(old.path)
        with pytest.raises(AllocationFailed):
            swap(project.repo, order(project, objects=objects), old=old.made.identity)
        assert identity_and_times(old.path) == there
        if old.path.is_dir() and not old.path.is_symlink():
            old.path.rmdir()
        else:
            old.path.unlink()
    assert remains(project) == ["planted"]


@SHARED_AND_COPIED
def test_a_swap_is_refused_while_a_process_works_in_the_workspace(
    project: Project, objects: Objects
) -> None:
    old = workspace(project, objects=objects)
    (old.path / "inner").mkdir()
    before = pins(project)
    with (
        subprocess.Popen(["cat"], cwd=old.path / "inner", stdin=subprocess.PIPE) as process,
        pytest.raises(AllocationFailed) as refused,
    ):
        _swap_then(project, old, objects, process)
    assert refused.value.code == "in_use"
    assert str(process.pid) in refused.value.reason
    assert identity(old.path) == old.made.identity
    assert remains(project) == ["demo-lane-a"]
    assert pins(project) == before


def _swap_then(
    project: Project, old: Workspace, objects: Objects, process: subprocess.Popen[bytes]
) -> None:
    try:
        swap(project.repo, order(project, objects=objects), old=old.made.identity)
    finally:
        process.communicate(b"")


@SHARED_AND_COPIED
def test_a_swap_is_refused_if_a_process_enters_the_workspace_meanwhile(
    project: Project, objects: Objects
) -> None:
    old = workspace(project, objects=objects)
    project.commit({"a.txt": "later\n"})
    came: list[subprocess.Popen[bytes]] = []

    def come_in(path: Path) -> None:
        if not came:
            came.append(subprocess.Popen(["cat"], cwd=path, stdin=subprocess.PIPE))

    with pytest.raises(AllocationFailed) as refused:
        swap(
            project.repo,
            order(project, objects=objects),
            old=old.made.identity,
            require_idle=come_in,
        )
    came[0].communicate(b"")
    assert refused.value.code == "in_use"
    assert identity(old.path) == old.made.identity
    assert remains(project) == ["demo-lane-a"]


@SHARED_AND_COPIED
@pytest.mark.usefixtures("kernel")
def test_a_swap_is_undone_if_the_old_workspace_has_work_after_the_rename(
    project: Project, objects: Objects
) -> None:
    old = workspace(project, objects=objects)
    looked: list[Path] = []

    def require_idle(path: Path) -> None:
        if looked:
            assert identity(old.path) != old.made.identity
            raise AllocationFailed("it holds work")
        looked.append(path)

    with pytest.raises(AllocationFailed, match="holds work"):
        swap(
            project.repo,
            order(project, objects=objects),
            old=old.made.identity,
            require_idle=require_idle,
        )
    assert looked == [old.path]
    assert identity(old.path) == old.made.identity
    assert remains(project) == ["demo-lane-a"]
