"""Intake refuses too much content and ends what takes too long."""

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


def test_content_that_unpacks_beyond_the_limit_is_refused_by_name(scene: Scene) -> None:
    scene.work({"zeros.bin": "0" * 3_000_000})
    refused = refusal(scene, IntakeLimits(bytes=2_000_000))
    assert (refused.code, refused.paths) == ("too_much", ("zeros.bin",))


def test_transfer_beyond_the_limit_is_refused(scene: Scene) -> None:
    (scene.workspace / "noise.bin").write_bytes(os.urandom(3_000_000))
    scene.work({})
    assert refusal(scene, IntakeLimits(bytes=2_000_000)).code == "too_much"


def test_more_files_than_the_limit_are_refused(scene: Scene) -> None:
    scene.work({f"f{n}": "" for n in range(20)})
    assert refusal(scene, IntakeLimits(files=10)).code == "too_much"
    assert scene.take(IntakeLimits(files=21))


def test_tree_bomb_of_a_billion_paths_is_refused(scene: Scene) -> None:
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
def test_deeply_nested_folders_are_refused(scene: Scene, depth: int, name: bytes) -> None:
    scene.plant_depth(depth, name)
    assert refusal(scene).code in ("too_much", "unreadable")


def test_reading_stops_once_the_file_limit_is_exceeded(
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


def test_number_of_collected_faulty_names_is_limited(
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


def test_name_checks_stop_at_the_deadline(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.work({"new": "", "newer": ""})
    monkeypatch.setattr(tree_checks, "_ENTRIES_AT_ONCE", 2)
    monkeypatch.setattr(tree_checks, "time_limit", lambda: 0)
    assert refusal(scene).code == "timed_out"


def test_very_long_file_name_is_refused_quickly(scene: Scene) -> None:
    scene.plant_tree(("100644", b"." * 100_000 + b"x", scene.blob()))
    started = time.monotonic()
    assert refusal(scene).code == "bad_content"
    assert time.monotonic() - started < LONGEST_S / 2


def test_intake_that_times_out_ends_all_its_processes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.work({"new.txt": "new\n"})
    # The FIFO is planted after the first check.
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
