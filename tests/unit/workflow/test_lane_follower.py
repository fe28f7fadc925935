from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specify_cli import processes
from specify_cli.errors import SpecKittyError
from specify_cli.files import locks
from specify_cli.storage.project import Project
from specify_cli.storage.record_folder import make_record_folder
from specify_cli.vcs import git, scratch_repository
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import lane_follower, repositories, upkeep
from specify_cli.workflow.lane_follower import LaneFollower
from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long

LANE = f"kitty/mission-{SLUG}-lane-a"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {"owned_files": ["a/**"]}, "WP02": {"owned_files": ["b/**"]}})
    return made


@pytest.fixture
def follower(stage: Stage) -> LaneFollower:
    return LaneFollower(project=Project(stage.root))


def tip(stage: Stage, branch: str = LANE, folder: Path | None = None) -> str:
    return stage.git("rev-parse", branch, folder=folder)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, ...]]]:
    """The commands of git that are started in the block."""
    started: list[tuple[str, ...]] = []
    real = subprocess.Popen

    def popen(command: tuple[str, ...], **how: Any) -> Any:
        started.append(command)
        return real(command, **how)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", popen)
        yield started


def test_the_branch_of_an_execution_lane_follows_its_workspace(
    stage: Stage, follower: LaneFollower
) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    assert tip(stage) != tip(stage, "HEAD", place)
    follower.look()
    assert tip(stage) == tip(stage, "HEAD", place)
    stage.commit({"a/one": "2\n"}, folder=place)
    stage.git("pack-refs", "--all", folder=place)
    follower.look()
    assert tip(stage) == tip(stage, "HEAD", place)


def test_an_unchanged_workspace_does_not_start_git(
    stage: Stage, follower: LaneFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, other = stage.begin(), stage.begin("WP02")
    stage.commit({"a/one": "1\n"}, folder=place)
    stage.git("pack-refs", "--all", folder=other)
    follower.look()
    monkeypatch.setattr(lane_follower, "WorkspaceIndex", None)  # No mission is opened either.
    with counted(monkeypatch) as started:
        follower.look()
    assert started == []


def test_commits_are_taken_in_only_while_the_mission_has_work_in_progress(
    stage: Stage, follower: LaneFollower
) -> None:
    place, before = stage.begin(), tip(stage)
    blocked = {"mission": SLUG, "wp": "WP01", "to": "blocked", "actor": "coder"}
    stage.done("transition", note="waits", **blocked)
    stage.commit({"a/one": "1\n"}, folder=place)
    follower.look()
    assert tip(stage) == before
    stage.begin("WP02")
    follower.look()
    assert tip(stage) == tip(stage, "HEAD", place)


def test_a_checked_out_branch_is_not_moved_until_it_is_released(
    stage: Stage, follower: LaneFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane_follower, "CHECKED_OUT_S", 0)
    place, before = stage.begin(), tip(stage)
    stage.git("switch", "-q", LANE)
    stage.commit({"a/one": "1\n"}, folder=place)
    follower.look()
    assert tip(stage) == before
    assert not (stage.root / "a").exists()
    stage.git("switch", "-q", "main")
    follower.look()
    assert tip(stage) == tip(stage, "HEAD", place)


def test_a_branch_that_the_agent_rewrote_is_followed(stage: Stage, follower: LaneFollower) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    follower.look()
    stage.git("reset", "-q", "--hard", "HEAD~1", folder=place)
    follower.look()
    assert tip(stage) == tip(stage, "HEAD", place)
    stage.commit({"a/one": "2\n"}, folder=place)
    follower.look()
    assert tip(stage) == tip(stage, "HEAD", place)


@pytest.mark.parametrize("case", ["refused", "behind", "diverged"])
def test_a_workspace_that_cannot_be_followed_is_not_retried_until_it_changes(
    stage: Stage, follower: LaneFollower, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    if case == "refused":
        (place / ".git" / "commondir").write_text("elsewhere\n")
    else:
        follower.look()
        by_hand = stage.git("commit-tree", "-p", LANE, "-m", "m", f"{LANE}^{{tree}}")
        stage.git("update-ref", f"refs/heads/{LANE}", by_hand)
    if case == "diverged":
        stage.commit({"a/one": "2\n"}, folder=place)
    before = tip(stage)
    follower.look()
    with counted(monkeypatch) as started:
        follower.look()
    assert (tip(stage), started) == (before, [])


def test_a_slow_workspace_does_not_delay_the_others(
    stage: Stage, follower: LaneFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, other = stage.begin(), stage.begin("WP02")
    real = lane_follower._is_slow

    def is_slow(*args: Any, **how: Any) -> bool:
        return args[2].path == place or real(*args, **how)

    monkeypatch.setattr(lane_follower, "_is_slow", is_slow)
    theirs = f"kitty/mission-{SLUG}-lane-b"
    for number in range(2):
        stage.commit({"a/one": f"{number}\n"}, folder=place)
        stage.commit({"b/two": f"{number}\n"}, folder=other)
        follower.look()
        assert tip(stage, theirs) == tip(stage, theirs, other)
        assert set(follower.slow) == {place.name}


def test_a_slow_workspace_is_retried_with_exponential_back_off(
    stage: Stage, follower: LaneFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    answers = iter([True, True, True])
    real = lane_follower._is_slow
    monkeypatch.setattr(
        lane_follower, "_is_slow", lambda *args, **how: next(answers, None) or real(*args, **how)
    )
    follower.look()
    pauses = []
    for _ in range(2):
        follower.wait_for_slow()
        pauses.append(follower.slow[place.name].seconds)
        follower.slow[place.name] = lane_follower._Pause(at=0, seconds=pauses[-1])
    assert pauses == [2 * lane_follower.FIRST_PAUSE_S, 4 * lane_follower.FIRST_PAUSE_S]
    follower.wait_for_slow()
    assert follower.slow == {}
    assert tip(stage) == tip(stage, "HEAD", place)


def test_a_damaged_mission_or_branch_does_not_stop_the_others(
    stage: Stage, follower: LaneFollower
) -> None:
    first = stage.begin()
    stage.write_mission({"WP01": {}}, slug="002-other")
    second = stage.begin(slug="002-other")
    third = stage.begin("WP02")
    for place in (first, second, third):
        stage.commit({"b/one": "1\n"}, folder=place)
    (stage.root / "kitty-specs" / "002-other" / "meta.json").write_text("{")
    stage.git("symbolic-ref", f"refs/heads/{LANE}", "refs/heads/main")
    with pytest.raises((SpecKittyError, git.GitFailed)):
        follower.look()
    theirs = f"kitty/mission-{SLUG}-lane-b"
    assert tip(stage, theirs) == tip(stage, theirs, third)


def test_a_removed_branch_is_not_created_again(stage: Stage, follower: LaneFollower) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    stage.git("branch", "-D", LANE)
    follower.look()
    assert stage.git("branch", "--list", LANE) == ""


@pytest.mark.parametrize("what", ["copied", "forgotten"])
def test_a_copied_project_and_one_without_the_host_folder_are_followed(
    stage: Stage, tmp_path: Path, what: str
) -> None:
    place = stage.begin()
    if what == "copied":
        shutil.copytree(stage.root, tmp_path / "copy", symlinks=True)
        stage.root = tmp_path / "copy"
        place = stage.root / ".worktrees" / place.name
    else:
        shutil.rmtree(stage.root / ".kitty")
    stage.commit({"a/one": "1\n"}, folder=place)
    LaneFollower(project=Project(stage.root)).look()
    assert tip(stage) == tip(stage, "HEAD", place)


def test_a_workspace_removed_while_it_is_read_is_forgotten(
    stage: Stage, follower: LaneFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, before = stage.begin(), tip(stage)
    stage.commit({"a/one": "1\n"}, folder=place)

    def gone(*_: Any, **__: Any) -> list[Path]:
        shutil.rmtree(place)
        return []

    monkeypatch.setattr("specify_cli.vcs.commit_intake.irregular_files", gone)
    follower.look()
    follower.look()
    assert tip(stage) == before
    assert follower.seen == {}


@pytest.mark.parametrize(("name", "to"), [(".worktrees", ""), (".worktrees/x", "x")])
def test_symlinks_are_not_followed(stage: Stage, tmp_path: Path, name: str, to: str) -> None:
    elsewhere = Stage(root=tmp_path / "elsewhere" / "x")
    elsewhere.make_repository()
    elsewhere.git("branch", "kitty/mission-x")
    (stage.root / name).parent.mkdir(exist_ok=True)
    (stage.root / name).symlink_to(tmp_path / "elsewhere" / to)
    follower = LaneFollower(project=Project(stage.root))
    follower.look()
    assert {it.snapshot.tip for it in follower.seen.values()} <= {None}


def test_mirrors_of_missions_in_progress_follow_the_project(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.begin()
    mirror = stage.root / ".worktrees" / ".mirror" / f"{SLUG}.git"
    mirrors = upkeep.Mirrors(project=Project(stage.root))
    mirrors.follow()
    stage.commit({"README.md": "new\n"})
    mirrors.follow()
    assert tip(stage, "main", mirror) == tip(stage, "main")
    with counted(monkeypatch) as started:
        mirrors.follow()
    assert sum("for-each-ref" in command for command in started) == 1
    assert len(started) == 2


def test_mirrors_of_missions_without_work_in_progress_are_not_updated(stage: Stage) -> None:
    stage.begin()
    mirror = stage.root / ".worktrees" / ".mirror" / f"{SLUG}.git"
    blocked = {"mission": SLUG, "wp": "WP01", "to": "blocked", "actor": "coder"}
    stage.done("transition", note="waits", **blocked)
    mirrors = upkeep.Mirrors(project=Project(stage.root))
    stage.commit({"README.md": "new\n"})
    mirrors.follow()
    assert tip(stage, "main", mirror) != tip(stage, "main")
    stage.begin("WP02")
    mirrors.follow()
    assert tip(stage, "main", mirror) == tip(stage, "main")


def test_old_trash_is_removed_in_bounded_steps(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.begin()
    trash = stage.root / ".worktrees" / ".trash"
    trash.mkdir(exist_ok=True)
    for name in ("20200101T000000Z-01234567-x", "29990101T000000Z-01234567-x"):
        (trash / name).mkdir()
        for number in range(5):
            (trash / name / str(number)).touch()
    monkeypatch.setattr(upkeep, "FILES_A_STEP", 3)
    project = Project(stage.root)
    waits = [upkeep.prune_trash(project) for _ in range(4)]
    assert waits[0] == upkeep.STEP_S
    assert waits[-1] == upkeep.A_DAY_S
    assert [it.name for it in trash.iterdir()] == ["29990101T000000Z-01234567-x"]


def test_pruning_does_not_create_a_trash_folder(stage: Stage) -> None:
    assert upkeep.prune_trash(Project(stage.root)) == upkeep.A_DAY_S
    assert not (stage.root / ".worktrees").exists()


def test_the_scratch_repository_of_a_dead_host_is_removed_before_a_change(
    stage: Stage,
) -> None:
    dead = processes.Process(
        pid=1,
        started="1",
        boot=processes.this_process().boot,
        namespace=processes.this_process().namespace,
    )
    left = stage.root / ".git" / scratch_repository.FOLDER / f"{dead}.0123456789abcdef"
    left.mkdir(parents=True)
    make_record_folder(Project(stage.root))
    with repositories.changing(Project(stage.root)) as repository:
        assert repository == Repository(root=stage.root)
        assert not left.exists()


def test_a_branch_is_moved_under_the_repository_lock(
    stage: Stage, follower: LaneFollower, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = stage.begin()
    stage.commit({"a/one": "1\n"}, folder=place)
    held: list[str] = []
    real = locks.held

    @contextmanager
    def noted(path: Path, **how: Any) -> Iterator[int]:
        with real(path, **how) as descriptor:
            held.append(path.name)
            yield descriptor

    monkeypatch.setattr(locks, "held", noted)
    follower.look()
    assert held == ["repository"]
