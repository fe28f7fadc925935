"""What brings too much or takes too long is refused, and keeps nobody waiting."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from specify_cli.vcs import commit_checks, commit_intake, content_limits, tree_checks
from specify_cli.vcs.commit_intake import IntakeLimits
from specify_cli.vcs.objects import read_objects
from specify_cli.vcs.workspace_files import irregular_files
from tests.integration.intake.workspaces import Scene, commit, git, readers_of, refusal
from tests.patience import LONGEST_S, wait_until

SOMEBODY = 61_013


def test_content_beyond_the_bound_is_refused_by_name_however_well_it_packs(scene: Scene) -> None:
    scene.work({"zeros.bin": "0" * 3_000_000})
    refused = refusal(scene, IntakeLimits(bytes=2_000_000))
    assert (refused.code, refused.paths) == ("too_much", ("zeros.bin",))


def test_a_transfer_beyond_the_bound_is_cut_off(scene: Scene) -> None:
    (scene.workspace / "noise.bin").write_bytes(os.urandom(3_000_000))
    scene.work({})
    assert refusal(scene, IntakeLimits(bytes=2_000_000)).code == "too_much"


def test_more_files_than_the_bound_are_refused(scene: Scene) -> None:
    scene.work({f"f{n}": "" for n in range(20)})
    assert refusal(scene, IntakeLimits(files=10)).code == "too_much"
    assert scene.take(IntakeLimits(files=21))


def test_a_billion_paths_made_of_few_objects_are_refused_in_time(scene: Scene) -> None:
    tree = git(scene.workspace, "mktree", data=f"100644 blob {scene.blob()}\tf\n".encode())
    for _ in range(9):
        listed = "".join(f"040000 tree {tree}\td{n}\n" for n in range(10))
        tree = git(scene.workspace, "mktree", data=listed.encode())
    scene.plant_tree(("40000", b"bomb", tree))
    assert refusal(scene).code == "too_much"


@pytest.mark.parametrize(
    ("depth", "name"),
    [(30, b"n" * 200), (5_000, b"n"), pytest.param(10_000, b"n", marks=pytest.mark.campaign)],
)
def test_folders_in_folders_without_end_are_refused_in_time(
    scene: Scene, depth: int, name: bytes
) -> None:
    scene.plant_depth(depth, name)
    assert refusal(scene).code in ("too_much", "unreadable")


def test_folders_that_bring_too_much_are_not_all_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def reading(git: object, oids: Sequence[str], **how: object) -> object:
        read.extend(oids)
        return read_objects(git, oids, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(content_limits, "read_objects", reading)
    monkeypatch.setattr(content_limits, "PORTION_BYTES", 1000)
    scene.work({f"d{folder}/f{n}": f"{folder}" for folder in range(9) for n in range(20)})
    assert refusal(scene, IntakeLimits(files=40)).code == "too_much"
    assert len(read) < 8


def test_of_faulty_names_without_number_few_are_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree_checks, "MOST_FAULTS", 3)
    monkeypatch.setattr(commit_checks, "MOST_FAULTS", 3)
    commit(scene.project, {f"a\\{n}": "" for n in range(5)})
    shutil.rmtree(scene.workspace)
    scene.clone(scene.base)
    scene.work({"a\\old": "", "more": ""})
    assert refusal(scene).paths == ("a\\old",)
    scene.work({f"b\\{n}": "" for n in range(5)})
    assert refusal(scene).code == "too_much"


def test_to_look_at_names_takes_no_longer_than_the_deadline(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.work({"new": "", "newer": ""})
    monkeypatch.setattr(tree_checks, "_ENTRIES_AT_ONCE", 2)
    monkeypatch.setattr(tree_checks, "time_limit", lambda: 0)
    assert refusal(scene).code == "timed_out"


def test_a_name_without_end_keeps_nobody_waiting(scene: Scene) -> None:
    scene.plant_tree(("100644", b"." * 100_000 + b"x", scene.blob()))
    started = time.monotonic()
    assert refusal(scene).code == "bad_content"
    assert time.monotonic() - started < LONGEST_S / 2


def test_what_takes_too_long_is_ended_with_all_that_it_started(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.work({"new.txt": "new\n"})
    # The FIFO comes after the first look.
    looks: list[Callable[..., list[Path]]] = [lambda *_, **__: [], irregular_files]

    def look(workspace: Path, **how: object) -> list[Path]:
        return looks.pop(0)(workspace, **how)

    monkeypatch.setattr(commit_intake, "irregular_files", look)
    (scene.git_dir / "config").unlink()
    os.mkfifo(scene.git_dir / "config")
    refused = refusal(scene, IntakeLimits(seconds=1))
    assert refused.code == "timed_out"
    assert str(scene.git_dir / "config") in refused.reason
    wait_until(lambda: not readers_of(scene.workspace), "the end of what was killed")
