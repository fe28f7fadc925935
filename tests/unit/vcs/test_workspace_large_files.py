"""Tests of workspaces in projects that use git-lfs."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from specify_cli.vcs import mirrors
from specify_cli.vcs.workspaces import Objects
from tests.large_files import lfs_objects, needs_git_lfs, use_git_lfs
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import MIRROR, SHARED_AND_COPIED, Workspace, workspace

pytestmark = [pytest.mark.long, needs_git_lfs]

CONTENT = "large\n" * 1000


@pytest.fixture
def large(project: Project) -> Project:
    use_git_lfs(project.root)
    project.commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    project.commit({"a.bin": CONTENT})
    return project


def made_with_mirror(project: Project, objects: Objects, **more: Any) -> Workspace:
    update(project, objects)
    return workspace(project, objects=objects, **more)


def update(project: Project, objects: Objects) -> None:
    mirrors.update(project.repo, project.root / MIRROR, ["main"], objects=objects)


@SHARED_AND_COPIED
def test_git_lfs_works_in_a_workspace(large: Project, objects: Objects) -> None:
    made = made_with_mirror(large, objects)
    assert (made.path / "a.bin").read_text() == CONTENT
    assert made.git("status", "--porcelain") == ""
    assert made.git("lfs", "ls-files").endswith(" * a.bin")
    (made.path / "a.bin").unlink()
    made.git("checkout", "--", "a.bin")
    assert (made.path / "a.bin").read_text() == CONTENT
    made.commit({"b.bin": CONTENT * 2})
    assert made.git("lfs", "ls-files", "--name-only").split() == ["a.bin", "b.bin"]
    made.git("lfs", "fsck")
    assert made.git("status", "--porcelain") == ""


@SHARED_AND_COPIED
def test_a_workspace_has_no_hard_links_to_lfs_objects_of_the_project(
    large: Project, objects: Objects
) -> None:
    made = made_with_mirror(large, objects)
    ours = {it.stat().st_ino for it in large_files(large.root / ".git")}
    assert ours.isdisjoint(it.stat().st_ino for it in large_files(made.path / ".git"))


def large_files(git_dir: Path) -> list[Path]:
    return [it for it in (git_dir / "lfs").rglob("*") if it.is_file()]


@SHARED_AND_COPIED
def test_a_workspace_fetches_lfs_files_of_the_target_from_the_mirror(
    large: Project, objects: Objects
) -> None:
    made = made_with_mirror(large, objects)
    made.commit({"mine.bin": "mine\n"})
    large.commit({"b.bin": CONTENT * 2, "a.bin": "another\n"})
    update(large, objects)
    made.git("fetch", "-q")
    made.git("rebase", "-q", "main")
    assert (made.path / "b.bin").read_text() == CONTENT * 2
    assert (made.path / "a.bin").read_text() == "another\n"
    assert made.git("status", "--porcelain") == ""


@SHARED_AND_COPIED
def test_a_push_from_a_workspace_uploads_lfs_objects(
    large: Project, tmp_path: Path, objects: Objects
) -> None:
    origin = tmp_path / "origin.git"
    large.git("init", "-q", "--bare", str(origin))
    large.git("remote", "add", "origin", str(origin))
    large.git("push", "-q", "origin", "main")
    made = made_with_mirror(large, objects)
    in_another_second(made)
    made.commit({"b.bin": CONTENT * 2})
    made.git("push", "-q", "origin", "HEAD")
    assert sorted(map(len, lfs_objects(origin).values())) == [len(CONTENT), 2 * len(CONTENT)]


def in_another_second(made: Workspace) -> None:
    """Wait: git calls git-lfs again for files changed in the second in which the index was written."""
    index = made.path / ".git" / "index"
    while int(time.time()) <= int(
        max(index.stat().st_mtime, (made.path / "a.bin").stat().st_mtime)
    ):
        time.sleep(0.05)
    os.utime(index)


@SHARED_AND_COPIED
def test_a_project_may_use_another_lfs_storage_folder(
    large: Project, tmp_path: Path, objects: Objects
) -> None:
    shutil.move(large.root / ".git" / "lfs", tmp_path / "store")
    large.git("config", "lfs.storage", str(tmp_path / "store"))
    made = made_with_mirror(large, objects)
    made.commit({"b.bin": CONTENT * 2})
    assert [it.read_text() for it in (tmp_path / "store").rglob("*") if it.is_file()] == [CONTENT]
    assert (made.path / "a.bin").read_text() == CONTENT
    assert len(lfs_objects(made.path / ".git")) == 2


@SHARED_AND_COPIED
def test_without_the_lfs_filter_files_are_pointers_until_lfs_checkout(
    large: Project, objects: Objects
) -> None:
    made = made_with_mirror(large, objects, filters=frozenset())
    assert (made.path / "a.bin").read_text().startswith("version https://git-lfs")
    made.git("lfs", "checkout")
    assert (made.path / "a.bin").read_text() == CONTENT


def test_git_lfs_from_the_global_settings_of_the_user_works_in_a_workspace(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    project.git("lfs", "install", "--skip-repo")
    project.commit({".gitattributes": "*.bin filter=lfs\n"})
    project.commit({"a.bin": CONTENT})
    made = made_with_mirror(project, Objects.COPIED)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)  # As in a sandbox.
    made.commit({"b.bin": CONTENT * 2})
    assert made.git("lfs", "ls-files", "--name-only").split() == ["a.bin", "b.bin"]


def test_the_mirror_has_hard_links_to_lfs_objects(large: Project) -> None:
    update(large, Objects.COPIED)
    ours = {it.stat().st_ino for it in large_files(large.root / ".git")}
    assert {it.stat().st_ino for it in large_files(large.root / MIRROR)} == ours


@SHARED_AND_COPIED
def test_the_lfs_url_of_a_committed_lfsconfig_is_not_used(
    large: Project, objects: Objects, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(large.root, other)
    large.commit({".lfsconfig": f"[lfs]\n\turl = file://{other}\n"})
    shutil.rmtree(large.root / ".git" / "lfs")
    made = made_with_mirror(large, objects)
    assert (made.path / "a.bin").read_text().startswith("version https://git-lfs")
    assert lfs_objects(made.path / ".git") == lfs_objects(large.root / ".git") == {}
