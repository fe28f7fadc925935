"""A workspace of each kind of project, from its creation to its replacement."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli.vcs import commit_intake, mirrors, scratch_repository
from specify_cli.vcs.commit_intake import IntakeLimits, IntakeSource
from specify_cli.vcs.uncommitted_changes import uncommitted_changes
from specify_cli.vcs.workspaces import Objects, swap
from tests.campaign import sampled
from tests.integration.workspace_kinds.projects import KINDS, NEEDS, Kind, is_possible
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import LANE, MIRROR, Workspace, order, workspace


def work_in(project: Project, made: Workspace, commit: str) -> tuple[str, ...]:
    return uncommitted_changes(project.repo, made.path, commit=commit).work


def take(project: Project, made: Workspace, objects: Objects, base: str) -> str:
    shared = scratch_repository.object_folders_of(project.repo) if objects is Objects.SHARED else ()
    source = IntakeSource(workspace=made.path, branch=LANE, base=base, shared=tuple(shared))
    with commit_intake.fetched_commits(project.repo, source, bounds=IntakeLimits()) as found:
        found.move_in(project.repo)
    return project.git("rev-parse", LANE)


def update_mirror(project: Project, objects: Objects) -> None:
    mirrors.update(project.repo, project.root / MIRROR, ["main"], objects=objects)


EVERY = [(name, objects) for name in KINDS for objects in Objects]


@pytest.mark.parametrize(("name", "objects"), sampled(EVERY, every=3))
def test_workspace_can_be_created_used_and_replaced(
    tmp_path: Path, name: str, objects: Objects
) -> None:
    if not is_possible(name):
        pytest.skip(f"{NEEDS[name]} is not installed")
    kind: Kind = KINDS[name](tmp_path)
    if objects not in kind.objects:
        pytest.skip("this kind of project does not support this way to get objects")
    project = kind.project
    base = project.git("rev-parse", "main")
    update_mirror(project, objects)
    made = workspace(project, objects=objects)
    assert made.git("status", "--porcelain") == ""
    assert work_in(project, made, base) == ()

    for path, content in kind.work.items():
        (made.path / path).write_bytes(content.encode())
    assert set(work_in(project, made, base)) == set(kind.work)
    made.commit({})
    assert made.git("log", "-1", "--format=%an %G?") == f"Ada {signature(name)}"

    project.commit({"in/theirs.txt": "theirs\n"})
    update_mirror(project, objects)
    made.git("fetch", "-q")
    made.git("rebase", "-q", "main")
    assert (made.path / "in" / "theirs.txt").exists()
    assert made.git("status", "--porcelain") == ""

    tip = take(project, made, objects, base)
    assert tip == made.git("rev-parse", "HEAD")
    project.git("fsck", "--strict", "--no-dangling")
    assert work_in(project, made, tip) == ()

    wanted = order(project, objects=objects, commit=tip)
    again = Workspace(order=wanted, made=swap(project.repo, wanted, old=made.made.identity))
    assert again.git("status", "--porcelain") == ""
    for path, content in kind.work.items():
        assert (again.path / path).read_bytes() == content.encode()
    assert work_in(project, again, tip) == ()


def signature(name: str) -> str:
    """Git's status of the signature of a commit."""
    return {"gpg_signing": "G", "ssh_signing": "G"}.get(name, "N")
