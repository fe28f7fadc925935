"""A workspace that refers to another repository: nothing of that repository is taken in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from specify_cli.vcs.commit_intake import IntakeRefused
from tests.integration.intake.attacks import World, take
from tests.integration.intake.conftest import Note
from tests.integration.intake.workspaces import BRANCH, git


def _point_at_the_victim(world: World) -> str:
    """Put the victim's commit into the branch's history; its objects are still missing here."""
    scene = world.scene
    env = f"GIT_ALTERNATE_OBJECT_DIRECTORIES={world.victim}/.git/objects"
    command = f"{env} git -C '{scene.workspace}' commit-tree HEAD^{{tree}} -p HEAD -p {world.victims_commit} -m x"
    with os.popen(command) as answer:
        tip = answer.read().strip()
    (scene.git_dir / "refs/heads" / BRANCH).write_text(f"{tip}\n")
    return tip


def alternates(world: World) -> None:
    _point_at_the_victim(world)
    (world.scene.git_dir / "objects/info").mkdir(exist_ok=True)
    (world.scene.git_dir / "objects/info/alternates").write_text(f"{world.victim}/.git/objects\n")


def relative_alternates(world: World) -> None:
    _point_at_the_victim(world)
    (world.scene.git_dir / "objects/info").mkdir(exist_ok=True)
    (world.scene.git_dir / "objects/info/alternates").write_text("../../../victim/.git/objects\n")


def linked_folders_of_objects(world: World) -> None:
    _point_at_the_victim(world)
    for folder in (world.victim / ".git/objects").iterdir():
        ours = world.scene.git_dir / "objects" / folder.name
        if not ours.exists():
            ours.symlink_to(folder)
        elif len(folder.name) == 2:  # By chance both have objects with this prefix.
            for theirs in folder.iterdir():
                with suppress(FileExistsError):
                    (ours / theirs.name).symlink_to(theirs)


def linked_objects(world: World) -> None:
    _point_at_the_victim(world)
    for theirs in (world.victim / ".git/objects").glob("??/*"):
        ours = world.scene.git_dir / "objects" / theirs.parent.name / theirs.name
        ours.parent.mkdir(exist_ok=True)
        if not ours.exists():
            ours.symlink_to(theirs)


def linked_packs(world: World) -> None:
    git(world.victim, "repack", "-q", "-a", "-d")
    _point_at_the_victim(world)
    for theirs in (world.victim / ".git/objects/pack").iterdir():
        (world.scene.git_dir / "objects/pack" / theirs.name).symlink_to(theirs)


def a_git_file(world: World) -> None:
    shutil.rmtree(world.scene.git_dir)
    git(world.victim, "branch", BRANCH)
    world.scene.git_dir.write_text(f"gitdir: {world.victim}/.git\n")


def a_linked_git_folder(world: World) -> None:
    shutil.rmtree(world.scene.git_dir)
    git(world.victim, "branch", BRANCH)
    world.scene.git_dir.symlink_to(world.victim / ".git")


def commondir(world: World) -> None:
    git(world.victim, "branch", BRANCH)
    (world.scene.git_dir / "commondir").write_text(f"{world.victim}/.git\n")


def linked_refs(world: World) -> None:
    git(world.victim, "branch", BRANCH)
    shutil.rmtree(world.scene.git_dir / "refs")
    (world.scene.git_dir / "refs").symlink_to(world.victim / ".git/refs")


def a_linked_branch(world: World) -> None:
    ref = world.scene.git_dir / "refs/heads" / BRANCH
    ref.unlink()
    ref.symlink_to(world.victim / ".git/refs/heads/main")


def a_linked_head(world: World) -> None:
    (world.scene.git_dir / "HEAD").unlink()
    (world.scene.git_dir / "HEAD").symlink_to(world.victim / ".git/HEAD")


def a_bundle(world: World) -> None:
    git(world.victim, "branch", BRANCH)
    shutil.rmtree(world.scene.git_dir)
    git(world.victim, "bundle", "create", "-q", str(world.scene.git_dir), BRANCH)


def grafts(world: World) -> None:
    (world.scene.git_dir / "info").mkdir(exist_ok=True)
    tip = git(world.scene.workspace, "rev-parse", BRANCH)
    (world.scene.git_dir / "info/grafts").write_text(f"{tip}\n")


def replaced_objects(world: World) -> None:
    git(world.scene.workspace, "replace", "--graft", "HEAD")


def a_planted_shallow_file(world: World) -> None:
    tip = git(world.scene.workspace, "rev-parse", BRANCH)
    (world.scene.git_dir / "shallow").write_text(f"{tip}\n")


def a_branch_outside_the_refs(world: World) -> None:
    (world.scene.git_dir / "refs/heads" / BRANCH).write_text("ref: ../../../victim/.git/HEAD\n")


def a_million_refs(world: World) -> None:
    tip = git(world.scene.workspace, "rev-parse", BRANCH)
    with (world.scene.git_dir / "packed-refs").open("w") as packed:
        packed.write("# pack-refs with: peeled fully-peeled sorted \n")
        packed.writelines(f"{tip} refs/tags/t{number:07}\n" for number in range(1_000_000))


# Allowed outcomes: `taken` only where all content was the agent's own.
ATTACKS: dict[Callable[[World], None], set[str]] = {
    alternates: {"unreadable"},
    relative_alternates: {"unreadable"},
    linked_folders_of_objects: {"unreadable"},
    linked_objects: {"unreadable"},
    linked_packs: {"unreadable"},
    a_git_file: {"unreadable"},
    a_linked_git_folder: {"unreadable"},
    commondir: {"unreadable"},
    linked_refs: {"no_branch", "unreadable"},
    a_linked_branch: {"no_branch", "unreadable"},
    a_linked_head: {"unreadable", "taken"},
    a_bundle: {"unreadable"},
    grafts: {"taken"},
    replaced_objects: {"taken"},
    a_planted_shallow_file: {"no_branch", "unreadable", "taken"},
    a_branch_outside_the_refs: {"no_branch", "unreadable"},
    a_million_refs: {"taken"},
}
READING = [
    alternates,
    relative_alternates,
    linked_folders_of_objects,
    linked_objects,
    linked_packs,
    a_git_file,
    a_linked_git_folder,
    commondir,
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_objects_of_another_repository_are_not_taken_in(
    template: World,
    tmp_path: Path,
    attack: Callable[[World], None],
    note: Note,
) -> None:
    world = template.copy(tmp_path / "world")
    true_tip = git(world.scene.workspace, "rev-parse", BRANCH)
    attack(world)
    outcome = world.outcome(take)
    name = attack.__name__.replace("_", " ")
    note("elsewhere", {"attack": name, "outcome": outcome})
    assert outcome in ATTACKS[attack]
    assert world.scene.tip() == (true_tip if outcome == "taken" else "")


@pytest.mark.parametrize("attack", READING)
def test_attack_reads_another_repository_without_sandbox_and_first_check(
    template: World, tmp_path: Path, attack: Callable[[World], None]
) -> None:
    world = template.copy(tmp_path / "world", is_sandboxed=False)
    attack(world)
    world.outcome(take)
    assert world.stolen()


@pytest.mark.parametrize("attack", READING)
def test_attack_present_from_the_start_is_refused_without_a_sandbox(
    template: World, tmp_path: Path, attack: Callable[[World], None]
) -> None:
    world = template.copy(tmp_path / "world", is_sandboxed=False)
    attack(world)
    with pytest.raises(IntakeRefused) as caught:
        world.scene.take()
    assert caught.value.code == "unreadable"
    assert caught.value.paths
    assert not world.stolen()
