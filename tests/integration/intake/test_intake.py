"""Commits of an agent are taken into the project, or refused without leaving anything behind."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from specify_cli.vcs import scratch_repository
from specify_cli.vcs.git import GitFailed
from tests.durability import SYNC_ALL, watched
from tests.integration.intake.workspaces import BRANCH, Scene, commit, git, refusal

SOMEBODY = 61_013


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_commits_of_the_branch_are_taken_in_once(tmp_path: Path, form: str) -> None:
    scene = Scene.make(tmp_path, form=form)
    tip = scene.work({"new.txt": "new\n"})
    assert scene.take() == scene.tip() == tip
    assert scene.take() == scene.tip() == tip
    git(scene.project, "fsck", "--strict")
    assert not any((scene.project / ".git" / scratch_repository.FOLDER).iterdir())


def test_branch_of_a_workspace_without_commits_is_its_base(scene: Scene) -> None:
    assert scene.take() == scene.tip() == scene.base


def test_other_branches_and_tags_are_not_taken_in(scene: Scene) -> None:
    scene.work({"new.txt": "new\n"})
    git(scene.workspace, "branch", "aside")
    git(scene.workspace, "checkout", "-q", "aside")
    other = scene.work({"other.txt": "other\n"})
    git(scene.workspace, "tag", "v1")
    scene.take()
    assert not scene.has(other)
    assert git(scene.project, "for-each-ref", "--format=%(refname)").split() == [
        f"refs/heads/{BRANCH}",
        "refs/heads/main",
        f"refs/spec-kitty/placed/{BRANCH}",
    ]


def test_many_objects_are_taken_in_as_a_pack(scene: Scene) -> None:
    tip = scene.work({f"d{n % 7}/f{n}.txt": f"{n}\n" for n in range(300)})
    assert scene.take() == tip
    assert list((scene.project / ".git/objects/pack").glob("*.idx"))
    git(scene.project, "fsck", "--strict")


def test_few_objects_are_taken_in_as_loose_objects(scene: Scene) -> None:
    scene.work({"new.txt": "new\n"})
    scene.take()
    assert not list((scene.project / ".git/objects/pack").iterdir())


def test_later_commits_are_taken_in(scene: Scene) -> None:
    scene.work({"one.txt": "1\n"})
    scene.take()
    tip = scene.work({"two.txt": "2\n"})
    assert scene.take() == scene.tip() == tip


def test_branch_that_a_person_moved_is_refused_and_the_advised_merge_works(scene: Scene) -> None:
    scene.work({"one.txt": "1\n"})
    scene.take()
    git(scene.project, "checkout", "-q", BRANCH)
    theirs = commit(scene.project, {"theirs.txt": "t\n"})
    git(scene.project, "checkout", "-q", "main")
    ours = scene.work({"two.txt": "2\n"})
    refused = refusal(scene)
    assert refused.code == "diverged"
    assert theirs in refused.reason
    assert ours in refused.reason
    # The advised command works as printed.
    advised = refused.reason.partition(f"in {scene.workspace}: ")[2].partition("; or ")[0]
    subprocess.run(advised, shell=True, check=True, cwd=scene.workspace)
    assert scene.take() == scene.tip()


def test_commit_added_by_hand_is_dropped_by_the_advised_command(
    scene: Scene,
) -> None:
    scene.work({"one.txt": "1\n"})
    scene.take()
    by_hand = git(scene.project, "commit-tree", "-p", BRANCH, "-m", "m", f"{BRANCH}^{{tree}}")
    git(scene.project, "update-ref", f"refs/heads/{BRANCH}", by_hand)
    ours = scene.work({"two.txt": "2\n"})
    advised = refusal(scene).reason.partition("run in the project: ")[2]
    subprocess.run(advised, shell=True, check=True, cwd=scene.project)
    assert scene.take() == scene.tip() == ours


def test_reset_behind_a_commit_of_a_person_that_was_built_on_is_refused(
    scene: Scene,
) -> None:
    scene.work({"one.txt": "1\n"})
    first = scene.take()
    theirs = git(scene.project, "commit-tree", "-p", first, "-m", "theirs", f"{first}^{{tree}}")
    git(scene.project, "branch", "-f", BRANCH, theirs)
    git(scene.workspace, "fetch", "-q", str(scene.project), BRANCH)
    git(scene.workspace, "reset", "-q", "--hard", theirs)
    scene.work({"two.txt": "2\n"})
    second = scene.take()
    git(scene.workspace, "reset", "-q", "--hard", first)
    scene.work({"three.txt": "3\n"})
    assert refusal(scene).code == "diverged"
    assert scene.tip() == second
    git(scene.workspace, "reset", "-q", "--hard", theirs)
    assert scene.work({"four.txt": "4\n"}) == scene.take()


def test_branch_that_its_agent_reset_is_reset_in_the_project(scene: Scene) -> None:
    before = git(scene.workspace, "rev-parse", "HEAD")
    scene.work({"one.txt": "1\n"})
    scene.take()
    git(scene.workspace, "reset", "-q", "--hard", "HEAD^")
    scene.take()
    assert scene.tip() == before


def test_reset_does_not_remove_a_commit_added_by_hand(
    scene: Scene,
) -> None:
    scene.work({"one.txt": "1\n"})
    scene.take()
    by_hand = git(scene.project, "commit-tree", "-p", BRANCH, "-m", "m", f"{BRANCH}^{{tree}}")
    git(scene.project, "update-ref", f"refs/heads/{BRANCH}", by_hand)
    git(scene.workspace, "reset", "-q", "--hard", "HEAD^")
    assert refusal(scene).code == "diverged"
    assert scene.tip() == by_hand


def test_history_without_the_base_is_refused_with_a_command_that_works(scene: Scene) -> None:
    git(scene.workspace, "checkout", "-q", "--orphan", "fresh")
    scene.work({"new.txt": "new\n"})
    git(scene.workspace, "branch", "-q", "-f", BRANCH)
    git(scene.workspace, "checkout", "-q", BRANCH)
    refused = refusal(scene)
    assert refused.code == "not_descended"
    advised = refused.reason.partition(f"its agent runs in {scene.workspace}: ")[2]
    subprocess.run(advised, shell=True, check=True, cwd=scene.workspace)
    assert scene.take() == scene.tip()


def test_missing_branch_is_refused_with_the_command_that_creates_it(scene: Scene) -> None:
    git(scene.workspace, "branch", "-m", "mine")
    refused = refusal(scene)
    assert refused.code == "no_branch"
    advised = refused.reason.partition(f"its agent runs in {scene.workspace}: ")[2]
    subprocess.run(advised, shell=True, check=True, cwd=scene.workspace)
    assert scene.take() == scene.base


def test_symbolic_ref_in_place_of_the_project_branch_is_not_followed(scene: Scene) -> None:
    git(scene.project, "symbolic-ref", f"refs/heads/{BRANCH}", "refs/heads/main")
    scene.work({"new.txt": "new\n"})
    before = scene.base
    with pytest.raises(GitFailed):
        scene.take()
    assert scene.base == before


def test_branch_that_moves_during_intake_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.work({"new.txt": "new\n"})
    scratch_moves = scratch_repository.ScratchRepository.move_objects

    def moved_meanwhile(made: scratch_repository.ScratchRepository) -> None:
        scratch_moves(made)
        git(scene.project, "branch", BRANCH, "main")

    monkeypatch.setattr(scratch_repository.ScratchRepository, "move_objects", moved_meanwhile)
    with pytest.raises(GitFailed):
        scene.take()
    assert scene.tip() == scene.base


def test_objects_are_synced_before_the_branch_is_updated(scene: Scene) -> None:
    scene.work({"new.txt": "new\n"})
    with watched() as disk:
        tip = scene.take()
    moved = disk.steps.index(f"rename {tip[2:]}")
    # Refs sync too, but only those that move.
    assert SYNC_ALL in disk.steps[moved : disk.steps.index("run git for-each-ref", moved)]


@pytest.mark.parametrize("kind", ["a commit", "a tree"])
def test_agent_cannot_take_a_private_object_by_its_name(scene: Scene, kind: str) -> None:
    before = scene.tip()
    git(scene.project, "switch", "-q", "-c", "private")
    private = commit(scene.project, {"private.txt": "private\n"})
    git(scene.project, "switch", "-q", "main")
    if kind == "a commit":
        file = scene.git_dir / "objects" / private[:2] / private[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_text("there")
        (scene.git_dir / "refs/heads" / BRANCH).write_text(f"{private}\n")
    else:
        tree = git(scene.project, "rev-parse", f"{private}^{{tree}}")
        forge_commit_graph(scene, tree)
    assert refusal(scene).code == "unreadable"
    assert scene.tip() == before


def forge_commit_graph(scene: Scene, tree: str) -> None:
    """Make a newest commit with that missing tree, and a commit graph that gives it another tree."""
    parent, own = git(scene.workspace, "rev-parse", "HEAD", "HEAD^{tree}").split()
    text = f"tree {tree}\nparent {parent}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nm\n"
    done = ["git", "-C", str(scene.workspace), "hash-object", "-t", "commit", "-w", "--stdin"]
    tip = subprocess.run(done, input=text.encode(), capture_output=True, check=True).stdout
    name = tip.decode().strip()
    (scene.git_dir / "refs/heads" / BRANCH).write_text(f"{name}\n")
    git(scene.workspace, "-c", "core.commitGraph=true", "commit-graph", "write", "--reachable")
    graph = scene.git_dir / "objects/info/commit-graph"
    content = graph.read_bytes()
    assert bytes.fromhex(tree) in content
    graph.chmod(0o600)
    graph.write_bytes(content.replace(bytes.fromhex(tree), bytes.fromhex(own)))


def test_branch_can_be_reset_to_a_commit_that_the_project_still_has(scene: Scene) -> None:
    first = scene.work({"one.txt": "1\n"})
    scene.take()
    git(scene.workspace, "commit", "-q", "--amend", "-m", "again")
    scene.take()
    git(scene.workspace, "reset", "-q", "--hard", first)
    assert scene.take() == scene.tip() == first
