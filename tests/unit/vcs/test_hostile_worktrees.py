"""Whoever can write a lane's worktree, and nothing else, has no program run outside."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.vcs.checkouts import registered
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.merge import Reserved, apply, compute, obstacles
from specify_cli.vcs.worktrees import (
    AllocationFailed,
    LaneWorkspace,
    exists,
    has_uncommitted_work,
    remove,
)
from tests.unit.vcs.conftest import Project

pytestmark = pytest.mark.long


class Trap:
    """A git folder whose settings run a program, which leaves a mark."""

    def __init__(self, project: Project, space: LaneWorkspace) -> None:
        self.mark = project.root.parent / "it-ran"
        self.folder = space.path / "evil"
        self._common = project.root / ".git"
        self._own = self._common / "worktrees" / space.path.name

    def make(self) -> Path:
        """A copy of the real one with the lane out, so that nothing seems to be amiss."""
        shutil.copytree(self._common, self.folder)
        for name in ("HEAD", "index"):
            shutil.copy(self._own / name, self.folder / name)
        plant(self.folder, self.mark)
        return self.folder


def plant(git_dir: Path, mark: Path) -> None:
    program = f"touch '{mark}'; cat"
    with (git_dir / "config").open("a") as config:
        config.write(f'[filter "evil"]\n\tclean = "{program}"\n\tsmudge = "{program}"\n')
    (git_dir / "info" / "attributes").parent.mkdir(exist_ok=True)
    (git_dir / "info" / "attributes").write_text("* filter=evil\n")


@pytest.fixture
def space(project: Project) -> LaneWorkspace:
    return project.lane("lane-a")


@pytest.fixture
def trap(project: Project, space: LaneWorkspace) -> Trap:
    return Trap(project, space)


def repoint(space: LaneWorkspace, target: Path) -> None:
    (space.path / ".git").write_text(f"gitdir: {target}\n")


def touch_all(space: LaneWorkspace) -> None:
    """Git looks at the contents again."""
    for file in space.path.glob("*.txt"):
        file.write_bytes(file.read_bytes()[::-1])


def test_settings_of_a_strange_git_folder_are_not_read(
    project: Project, space: LaneWorkspace, trap: Trap
) -> None:
    repoint(space, trap.make())
    touch_all(space)
    assert has_uncommitted_work(project.repo, space.path)
    assert not exists(project.repo, space.path, space.branch)
    assert not remove(project.repo, space.path)
    with pytest.raises(AllocationFailed, match="lane-a"):
        project.lane("lane-a")
    assert not trap.mark.exists()


def test_strange_git_folder_is_not_moved_along_with_its_branch(
    project: Project, space: LaneWorkspace, trap: Trap
) -> None:
    one = project.lane_with("lane-b", {"a.txt": "one\n"})
    project.git("checkout", "-q", "--detach")
    project.git("checkout", "-q", "main", at=space.path)
    repoint(space, trap.make())
    plan = compute(
        project.repo, target="main", tips=[one], strategy="merge", message="m", reserved=Reserved()
    )
    assert obstacles(project.repo, plan) == []
    apply(project.repo, plan)
    assert not trap.mark.exists()


def test_settings_beside_the_registration_are_not_read(
    project: Project, space: LaneWorkspace, trap: Trap
) -> None:
    own = project.root / ".git" / "worktrees" / space.path.name
    (own / "commondir").write_text(f"{trap.make()}\n")
    touch_all(space)
    assert has_uncommitted_work(project.repo, space.path)
    project.lane("lane-a")
    assert not trap.mark.exists()


def test_registration_of_another_worktree_is_not_taken_for_its_own(
    project: Project, space: LaneWorkspace
) -> None:
    other = project.lane("lane-b")
    repoint(space, project.root / ".git" / "worktrees" / other.path.name)
    assert not exists(project.repo, space.path, other.branch)
    assert has_uncommitted_work(project.repo, space.path)
    assert not remove(project.repo, space.path)
    assert (space.path / "a.txt").exists()


def test_settings_of_a_repository_inside_are_not_read(
    project: Project, space: LaneWorkspace, trap: Trap
) -> None:
    inner = space.path / "inner"
    inner.mkdir()
    project.git("init", "-q", at=inner)
    project.commit({"x.txt": "x\n"}, at=inner)
    project.git("add", "inner", at=space.path)
    project.git("commit", "-q", "-m", "inner", at=space.path)
    plant(inner / ".git", trap.mark)
    (inner / "x.txt").write_text("y\n")
    has_uncommitted_work(project.repo, space.path)
    assert not remove(project.repo, space.path)
    assert (inner / "x.txt").read_text() == "y\n"
    assert not trap.mark.exists()


def test_lane_is_not_made_where_a_link_leads(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (project.root / ".worktrees").mkdir()
    (project.root / ".worktrees" / "demo-lane-a").symlink_to(elsewhere)
    with pytest.raises(AllocationFailed, match="link"):
        project.lane("lane-a")
    assert list(elsewhere.iterdir()) == []


def test_nothing_is_written_where_a_link_took_the_place_of_a_worktree(
    project: Project, space: LaneWorkspace, tmp_path: Path
) -> None:
    project.lane_with("lane-b", {"new.txt": "new\n"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(space.path / ".git", elsewhere / ".git")
    shutil.rmtree(space.path)
    space.path.symlink_to(elsewhere)
    with pytest.raises(AllocationFailed):
        project.lane("lane-a", "lane-b")
    assert [file.name for file in elsewhere.iterdir()] == [".git"]


@pytest.mark.parametrize("where", ["origin", "goal"])
def test_record_of_a_move_names_commits_and_no_flags(
    project: Project, space: LaneWorkspace, trap: Trap, where: str
) -> None:
    content = {"origin": space.base_ref, "goal": space.base_ref, "live": []}
    content[where] = f"--output={trap.mark}"
    own = project.root / ".git" / "worktrees" / space.path.name
    (own / "spec-kitty-move").write_text(json.dumps(content))
    assert project.lane("lane-a") == space
    assert not trap.mark.exists()


@pytest.mark.parametrize("named", ["/nowhere/.git/worktrees/demo-lane-a", "{own}"])
def test_a_folder_cannot_take_the_registration_of_a_worktree(
    project: Project, space: LaneWorkspace, named: str
) -> None:
    own = project.root / ".git" / "worktrees" / space.path.name
    thief = project.write(".worktrees/demo-lane-c/.git", f"gitdir: {named.format(own=own)}\n")
    before = (own / "gitdir").read_bytes()
    made = project.lane("lane-c")
    assert made.path == thief.parent
    assert (own / "gitdir").read_bytes() == before
    assert exists(project.repo, space.path, space.branch)


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def a_sparse_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


def another_repository(path: Path) -> None:
    other = path.parent.parent / "another"
    shutil.copytree(path.parents[2] / ".git", other / ".git", symlinks=True)
    path.write_text(f"gitdir: {other / '.git'}\n")


@pytest.mark.parametrize("make", [os.mkfifo, a_socket, a_sparse_file, another_repository])
def test_whatever_takes_the_place_of_the_link_of_a_worktree_is_not_waited_for(
    project: Project,
    space: LaneWorkspace,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], object],
) -> None:
    (space.path / ".git").unlink()
    monkeypatch.chdir(space.path)  # The path of a socket is short.
    make(Path(".git") if make is a_socket else space.path / ".git")
    assert not exists(project.repo, space.path, space.branch)
    assert has_uncommitted_work(project.repo, space.path)
    assert not remove(project.repo, space.path)
    with pytest.raises(AllocationFailed):
        project.lane("lane-a")
    assert project.lane("lane-b").path.is_dir()


@pytest.mark.parametrize("name", ["HEAD", "gitdir", "commondir", "locked"])
def test_a_registration_that_git_would_wait_for_is_named_with_the_command_that_frees_git(
    project: Project, space: LaneWorkspace, name: str
) -> None:
    file = project.root / ".git" / "worktrees" / space.path.name / name
    file.unlink(missing_ok=True)
    os.mkfifo(file)
    assert project.repo.root in {it.path for it in registered(project.repo.git)}
    with pytest.raises(AllocationFailed, match=f"rm -rf {file}"):
        project.lane("lane-b")
    file.unlink()
    if name == "locked":
        assert project.lane("lane-b").path.is_dir()


@pytest.mark.parametrize("name", [".gitignore", ".gitattributes", ".gitmodules", "in/.git/HEAD"])
def test_work_that_git_would_wait_for_is_named_and_is_kept(
    project: Project, space: LaneWorkspace, name: str
) -> None:
    fifo = space.path / name
    fifo.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(fifo)
    with pytest.raises(GitFailed, match=f"rm -rf {fifo}"):
        has_uncommitted_work(project.repo, space.path)
    assert not remove(project.repo, space.path)
    assert fifo.exists()
    tip = project.lane_with("lane-b", {"new.txt": "new\n"})
    with pytest.raises(AllocationFailed, match=f"rm -rf {fifo}"):
        project.lane("lane-a", tip.lane_id)


def test_a_registration_behind_a_link_is_none(project: Project, space: LaneWorkspace) -> None:
    own = project.root / ".git" / "worktrees" / space.path.name
    (own.parent / "twin").symlink_to(own)
    assert [it.path for it in registered(project.repo.git)] == [project.root, space.path]


@pytest.mark.parametrize("draft", ["spec-kitty-move.tmp", "spec-kitty-index", "spec-kitty-filling"])
def test_nothing_is_written_through_a_link_in_a_registration(
    project: Project, space: LaneWorkspace, draft: str
) -> None:
    outside = project.root.parent / "outside"
    outside.write_text("mine")
    own = project.root / ".git" / "worktrees" / space.path.name
    (own / draft).symlink_to(outside)
    project.lane_with("lane-b", {"new.txt": "new\n"})
    project.lane("lane-a", "lane-b")
    assert outside.read_text() == "mine"
    assert (space.path / "new.txt").exists()
