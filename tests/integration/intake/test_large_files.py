"""Commits are taken in together with their git-lfs content, or refused."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from specify_cli.vcs import commit_intake, scratch_repository
from specify_cli.vcs.commit_intake import IntakeLimits
from tests.campaign import sampled
from tests.durability import SYNC_ALL, watched
from tests.integration.intake.test_killed_hosts import killed
from tests.integration.intake.workspaces import BRANCH, Scene, commit, git, refusal
from tests.large_files import lfs_objects, needs_git_lfs, use_git_lfs

pytestmark = needs_git_lfs

CONTENT = b"\0large\n" * 20_000
OID = hashlib.sha256(CONTENT).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{OID}\nsize {len(CONTENT)}\n"


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    scene = Scene.make(tmp_path)
    use_git_lfs(scene.project)
    (scene.project / "old.bin").write_bytes(b"old" * 1000)
    base = commit(scene.project, {})
    shutil.rmtree(scene.workspace)
    scene.clone(base)
    use_git_lfs(scene.workspace)
    shutil.copytree(scene.project / ".git/lfs", scene.git_dir / "lfs", dirs_exist_ok=True)
    git(scene.workspace, "reset", "-q", "--hard", base)
    return scene


def add(scene: Scene, content: bytes = CONTENT, name: str = "new.bin") -> str:
    (scene.workspace / name).write_bytes(content)
    return scene.work({})


def stored(scene: Scene) -> Path:
    return scene.git_dir / "lfs" / "objects" / OID[:2] / OID[2:4] / OID


def test_lfs_content_is_taken_in_with_the_commits(scene: Scene) -> None:
    before = lfs_objects(scene.project / ".git")
    tip = add(scene)
    assert scene.take() == scene.tip() == tip
    assert lfs_objects(scene.project / ".git") == before | {OID: CONTENT}
    git(scene.project, "lfs", "fsck", BRANCH)
    git(scene.project, "checkout", "-q", BRANCH)
    assert (scene.project / "new.bin").read_bytes() == CONTENT


def test_lfs_content_has_the_file_modes_of_git_lfs(scene: Scene) -> None:
    add(scene)
    scene.take()
    made = [it for it in (scene.project / ".git" / "lfs").rglob("*") if it.name == OID]
    own = stored(scene)
    for ours, theirs in zip((made[0], *made[0].parents[:3]), (own, *own.parents[:3]), strict=True):
        assert ours.stat().st_mode == theirs.stat().st_mode


def test_lfs_content_of_every_commit_is_taken_in(scene: Scene) -> None:
    add(scene)
    add(scene, b"later")
    scene.take()
    assert lfs_objects(scene.project / ".git").keys() >= {
        OID,
        hashlib.sha256(b"later").hexdigest(),
    }


def test_lfs_content_is_stored_where_lfs_storage_says(scene: Scene, tmp_path: Path) -> None:
    shutil.copytree(scene.project / ".git" / "lfs", tmp_path / "store")
    git(scene.project, "config", "lfs.storage", str(tmp_path / "store"))
    add(scene)
    scene.take()
    place = tmp_path / "store" / "objects" / OID[:2] / OID[2:4] / OID
    assert place.read_bytes() == CONTENT
    git(scene.project, "lfs", "fsck", "--objects", BRANCH)


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs another file system")
def test_lfs_storage_may_be_on_another_file_system(scene: Scene) -> None:
    store = Path("/dev/shm") / f"spec-kitty-{os.getpid()}"
    git(scene.project, "config", "lfs.storage", str(store))
    try:
        add(scene)
        scene.take()
        assert (store / "objects" / OID[:2] / OID[2:4] / OID).read_bytes() == CONTENT
        assert not list((store / "tmp").glob("*"))
    finally:
        shutil.rmtree(store)


def stash(scene: Scene) -> None:
    """Store the content in the project, without a pointer on a branch that agents see."""
    (scene.project / "same.bin").write_bytes(CONTENT)
    git(scene.project, "add", "same.bin")
    git(scene.project, "rm", "-q", "--cached", "same.bin")


def test_lfs_content_of_an_earlier_project_commit_is_not_required_again(
    scene: Scene,
) -> None:
    first = scene.base
    (scene.project / "old.bin").write_bytes(CONTENT)
    base = commit(scene.project, {})
    git(scene.workspace, "fetch", "-q", str(scene.project), "main")
    git(scene.workspace, "reset", "-q", "--soft", base)
    tip = scene.work({})
    shutil.rmtree(scene.git_dir / "lfs")
    assert git(scene.workspace, "diff", "--stat", first, tip, "--", "old.bin") == ""
    assert scene.take() == tip


def test_lfs_content_is_not_required_if_objects_are_shared(scene: Scene) -> None:
    stash(scene)
    tip = add(scene)
    shutil.rmtree(scene.git_dir / "lfs")
    source = replace(scene.source, shared=(scene.project / ".git/objects",))
    with commit_intake.fetched_commits(scene.repo, source, bounds=IntakeLimits()) as found:
        assert found.tip == tip


@pytest.mark.parametrize("name", ["x.bin", "notes.md"])
def test_agent_cannot_take_lfs_content_by_its_digest(scene: Scene, name: str) -> None:
    stash(scene)
    kept = scene.blob(b"*.bin filter=lfs\n")
    pointer = scene.blob(POINTER.encode())
    files = sorted([(b".gitattributes", kept), (name.encode(), pointer)])
    scene.plant_tree(*(("100644", it, blob) for it, blob in files))
    assert refusal(scene).paths == (name,)
    stored(scene).parent.mkdir(parents=True)
    stored(scene).write_bytes(CONTENT[::-1])
    assert refusal(scene).code == "lfs_missing"
    stored(scene).write_bytes(CONTENT)
    assert scene.take()


def test_lfs_pointer_merged_from_the_target_needs_no_content(scene: Scene) -> None:
    # As after `git pull` with GIT_LFS_SKIP_SMUDGE.
    source = scene.source
    blob = git(scene.project, "hash-object", "-w", "--stdin", data=POINTER.encode())
    git(scene.project, "update-index", "--add", "--cacheinfo", f"100644,{blob},theirs.bin")
    git(scene.project, "commit", "-q", "-m", "theirs")
    main = git(scene.project, "rev-parse", "main")
    git(scene.workspace, "fetch", "-q", str(scene.project), "main")
    environment = {**os.environ, "GIT_LFS_SKIP_SMUDGE": "1"}
    merge = ["git", "-C", str(scene.workspace), "merge", "-q", "--no-ff", "-m", "main", main]
    subprocess.run(merge, check=True, env=environment)
    tip = scene.work({"a.txt": "more\n"})
    with commit_intake.fetched_commits(scene.repo, source, bounds=IntakeLimits()) as found:
        found.move_in(scene.repo)
    assert scene.tip() == tip


# Missing or wrong content in the workspace.


def missing(scene: Scene) -> None:
    stored(scene).unlink()


def without_any(scene: Scene) -> None:
    shutil.rmtree(scene.git_dir / "lfs")


def another(scene: Scene) -> None:
    stored(scene).write_bytes(CONTENT[::-1])


def longer(scene: Scene) -> None:
    stored(scene).write_bytes(CONTENT + b"more")


def linked(scene: Scene) -> None:
    stored(scene).rename(scene.root / "elsewhere")
    stored(scene).symlink_to(scene.root / "elsewhere")


def behind_a_link(scene: Scene) -> None:
    folder = stored(scene).parent
    folder.rename(scene.root / "elsewhere")
    folder.symlink_to(scene.root / "elsewhere")


def all_behind_a_link(scene: Scene) -> None:
    (scene.git_dir / "lfs").rename(scene.root / "elsewhere")
    (scene.git_dir / "lfs").symlink_to(scene.root / "elsewhere")


def piped(scene: Scene) -> None:
    stored(scene).unlink()
    os.mkfifo(stored(scene))


def folder(scene: Scene) -> None:
    stored(scene).unlink()
    stored(scene).mkdir()


SPOILED = (
    missing,
    without_any,
    longer,
    another,
    behind_a_link,
    linked,
    piped,
    all_behind_a_link,
    folder,
)


@pytest.mark.parametrize("spoil", sampled(SPOILED, every=3))
def test_missing_or_wrong_lfs_content_is_refused_by_name(
    scene: Scene, spoil: Callable[[Scene], None]
) -> None:
    add(scene)
    spoil(scene)
    refused = refusal(scene)
    assert (refused.code, refused.paths) == ("lfs_missing", ("new.bin",))
    assert OID in refused.reason


def test_missing_lfs_content_of_an_earlier_commit_is_refused(scene: Scene) -> None:
    add(scene)
    add(scene, b"later")
    missing(scene)
    assert refusal(scene).paths == ("new.bin",)


def test_handwritten_lfs_pointer_without_content_is_refused(scene: Scene) -> None:
    blob = scene.blob(POINTER.encode())
    kept = scene.blob(b"*.bin filter=lfs\n")
    scene.plant_tree(("100644", b".gitattributes", kept), ("100644", b"x.bin", blob))
    assert refusal(scene).paths == ("x.bin",)


def test_second_path_of_an_lfs_pointer_does_not_hide_the_first(scene: Scene) -> None:
    blob = scene.blob(POINTER.encode())
    kept = scene.blob(b"*.bin filter=lfs\n")
    scene.plant_tree(
        ("100644", b".gitattributes", kept),
        ("100644", b"a.txt", blob),
        ("100644", b"x.bin", blob),
    )
    assert refusal(scene).paths == ("x.bin",)


def test_lfs_content_stored_by_the_advised_command_is_taken_in(scene: Scene) -> None:
    tip = add(scene)
    without_any(scene)
    advised = refusal(scene).reason.partition(f"its agent runs in {scene.workspace}: ")[2]
    subprocess.run(advised.partition(" ; ")[0], shell=True, check=True, cwd=scene.workspace)
    assert scene.take() == tip


def test_lfs_content_fetched_by_the_advised_command_is_taken_in(scene: Scene) -> None:
    origin = scene.root / "origin.git"
    git(scene.root, "init", "-q", "--bare", str(origin))
    git(scene.workspace, "remote", "add", "origin", str(origin))
    tip = add(scene)
    git(scene.workspace, "push", "-q", "origin", BRANCH)
    without_any(scene)
    advised = refusal(scene).reason.rpartition(": ")[2]
    subprocess.run(advised, shell=True, check=True, cwd=scene.workspace)
    assert scene.take() == tip


def test_lfs_content_beyond_the_limit_is_refused_by_name(scene: Scene) -> None:
    add(scene)
    refused = refusal(scene, IntakeLimits(bytes=100_000))
    assert (refused.code, refused.paths) == ("too_much", ("new.bin",))


def test_lfs_pointer_with_a_false_size_is_refused(scene: Scene) -> None:
    text = POINTER.replace(str(len(CONTENT)), "9" * 18)
    blob = scene.blob(text.encode())
    kept = scene.blob(b"*.bin filter=lfs\n")
    scene.plant_tree(("100644", b".gitattributes", kept), ("100644", b"x.bin", blob))
    assert refusal(scene).code == "lfs_missing"


def test_more_lfs_files_than_the_limit_are_refused(scene: Scene) -> None:
    for number in range(12):
        (scene.workspace / f"{number}.bin").write_text(f"{number}\n")
        scene.work({})
        (scene.workspace / f"{number}.bin").unlink()
    scene.work({})
    assert refusal(scene, IntakeLimits(files=10)).code == "too_much"


def test_copying_lfs_content_stops_at_the_deadline(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(scene)
    monkeypatch.setattr("specify_cli.vcs.lfs.time_limit", lambda: 0)
    assert refusal(scene).code == "timed_out"


# Texts that look like pointers.


def test_text_that_looks_like_an_lfs_pointer_is_a_regular_file(scene: Scene) -> None:
    tip = scene.work({"docs/pointers.md": POINTER})
    assert scene.take() == tip
    assert OID not in lfs_objects(scene.project / ".git")


def test_project_without_git_lfs_accepts_pointers(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    tip = scene.work({"x.bin": POINTER})
    assert scene.take() == tip
    assert not (scene.project / ".git" / "lfs").exists()


def test_lfs_content_is_synced_before_the_branch_is_updated(scene: Scene) -> None:
    add(scene)
    with watched() as disk:
        scene.take()
    moved = disk.steps.index(f"rename {OID}")
    assert SYNC_ALL in disk.steps[moved : disk.steps.index("run git update-ref", moved)]


def test_intake_killed_at_any_step_leaves_no_partial_lfs_file(scene: Scene, tmp_path: Path) -> None:
    tip = add(scene)
    saved = tmp_path / "saved"
    shutil.copytree(scene.project, saved)
    steps = int(killed(scene, 0).stdout)
    for step in range(1, steps, max(1, steps // 8)):
        shutil.rmtree(scene.project)
        shutil.copytree(saved, scene.project)
        assert killed(scene, step).returncode == -signal.SIGKILL
        scratch_repository.remove_abandoned(scene.repo)
        assert not any((scene.project / ".git" / scratch_repository.FOLDER).glob("*"))
        kept = lfs_objects(scene.project / ".git")
        assert all(hashlib.sha256(content).hexdigest() == name for name, content in kept.items())
        assert scene.tip() == "" or OID in kept
        assert scene.take() == scene.tip() == tip
        assert OID in lfs_objects(scene.project / ".git")
