"""Tests that cached packages equal those that are read from the files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest

from specify_cli import batch
from specify_cli.errors import SpecKittyError, StateUnreadable
from specify_cli.storage import package_memory
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.package_files import read_packages
from specify_cli.storage.package_memory import packages_of
from specify_cli.storage.project import Project

SETTLED_S = 0.03


@pytest.fixture
def mission(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "kitty-specs" / "001-search"
    (made / "tasks").mkdir(parents=True)
    for number in (1, 2):
        write(made, number)
    (made / "tasks.md").write_text("## WP01\n- [ ] T001 first\n")
    (made / "meta.json").write_text('{"mission_id": "01H"}')
    time.sleep(SETTLED_S)
    return made


def write(mission: Path, number: int, title: str = "Step", name: str = "step") -> None:
    text = f"---\nwork_package_id: WP0{number}\ntitle: {title}\n---\n"
    (mission / "tasks" / f"WP0{number}-{name}.md").write_text(text)


def result_of(read: Callable[..., object], mission: Path) -> object:
    """What `read` returns, or its error."""
    try:
        return read(mission, below=mission.parents[1])
    except SpecKittyError as error:
        return type(error), error.message


def prompt(mission: Path) -> Path:
    return mission / "tasks" / "WP01-step.md"


def in_place(mission: Path) -> None:
    data = prompt(mission).read_bytes()
    with prompt(mission).open("r+b") as file:
        file.write(data.replace(b"Step", b"Other")[: len(data)])


def to_a_link(mission: Path) -> None:
    prompt(mission).rename(mission / "moved.md")
    prompt(mission).symlink_to(mission / "moved.md")


def folder_to_a_link(mission: Path) -> None:
    (mission / "tasks").rename(mission / "moved")
    (mission / "tasks").symlink_to("moved")


def prompts_to_links(mission: Path) -> None:
    moved = mission / "moved"
    (mission / "tasks").rename(moved)
    (mission / "tasks").mkdir()
    for path in moved.iterdir():
        (mission / "tasks" / path.name).symlink_to(path)


CHANGES: list[Callable[[Path], object]] = [
    in_place,
    to_a_link,
    folder_to_a_link,
    prompts_to_links,
    lambda mission: write(mission, 3),
    lambda mission: prompt(mission).unlink(),
    lambda mission: prompt(mission).rename(mission / "tasks" / "WP01-else.md"),
    lambda mission: prompt(mission).write_text("---\n: [\n---\n"),
    lambda mission: (mission / "tasks.md").write_text("## WP01\n- [x] T001 first\n"),
    lambda mission: (mission / "tasks.md").unlink(),
    lambda mission: os.mkfifo(mission / "tasks" / "WP09-x.md"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_to_the_files_is_detected(
    mission: Path, package_reads: list[Path], change: Callable[[Path], object]
) -> None:
    assert [*packages_of(mission, below=mission.parents[1])] == ["WP01", "WP02"]
    packages_of(mission, below=mission.parents[1])
    assert len(package_reads) == 1
    change(mission)
    assert result_of(packages_of, mission) == result_of(read_packages, mission)


def test_a_file_that_was_just_written_is_read_again(
    mission: Path, package_reads: list[Path]
) -> None:
    write(mission, 1, "Other")
    for _ in range(2):
        packages_of(mission, below=mission.parents[1])
    assert len(package_reads) >= 1
    # A second write within one tick of the clock leaves the same times.
    write(mission, 1, "Third")
    assert packages_of(mission, below=mission.parents[1])["WP01"].title == "Third"


def test_the_least_recently_used_mission_is_evicted_first(
    mission: Path, package_reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_memory, "_MOST_PACKAGES", 1)
    monkeypatch.setattr(package_memory, "_known", {})
    other = mission.with_name("002-other")
    (other / "tasks").mkdir(parents=True)
    write(other, 1)
    time.sleep(SETTLED_S)
    for folder in (mission, other, other, mission):
        packages_of(folder, below=mission.parents[1])
    assert package_reads == [mission, other, mission]


@pytest.mark.parametrize("bound", ["_FEW", "_SMALL"])
def test_many_or_large_prompts_are_not_read_within_a_batch(
    mission: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(package_memory, bound, 2)
    with batch.begun() as inside, batch.deciding(inside), pytest.raises(batch.NotInBatch):
        packages_of(mission, below=mission.parents[1])
    packages_of(mission, below=mission.parents[1])
    with batch.begun() as inside, batch.deciding(inside):
        packages_of(mission, below=mission.parents[1])


def test_the_identity_of_a_mission_is_read_again_when_meta_json_changes(mission: Path) -> None:
    files = MissionFiles(Project(mission.parents[1]), mission.name)
    for _ in range(2):
        assert files.identity().mission_id == "01H"
    files.meta_path.write_text('{"mission_id": "01J"}')
    assert files.identity().mission_id == "01J"
    files.meta_path.unlink()
    assert files.identity().mission_id is None


def test_a_mission_folder_replaced_by_a_link_is_refused(mission: Path) -> None:
    files = MissionFiles(Project(mission.parents[1]), mission.name)
    files.identity()
    mission.rename(mission.with_name("moved"))
    mission.symlink_to("moved")
    with pytest.raises(StateUnreadable):
        files.identity()


def test_threads_access_the_cache_one_at_a_time(mission: Path) -> None:
    thread = Thread(target=packages_of, args=(mission,), kwargs={"below": mission.parents[1]})
    with package_memory._using:
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
    thread.join()


def test_a_large_lanes_json_is_not_read_within_a_batch(mission: Path) -> None:
    files = MissionFiles(Project(mission.parents[1]), mission.name)
    files.lanes_path.write_text(" " * 70_000 + "{}")
    with batch.begun() as inside, batch.deciding(inside), pytest.raises(batch.NotInBatch):
        files.lanes()
    assert files.lanes() is None
