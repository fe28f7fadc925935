"""Tests that packages stored in the record equal those that are read from the files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import specify_cli
from specify_cli import processes
from specify_cli.storage import package_memory, package_store
from specify_cli.storage.layout import Layout
from specify_cli.storage.package_files import WorkPackage, read_packages
from specify_cli.storage.package_memory import packages_of
from specify_cli.storage.package_store import PackageStore
from tests.records import log_in
from tests.unit.storage.conftest import SLUG

SETTLED_S = 0.03
HEADER = """---
work_package_id: WP{number:02}
title: "Schritt {number}: Öl"
dependencies: [{after}]
owned_files: [src/{number}/**, docs]
subtasks: [T{number}1, {{id: T{number}2, done: true}}]
---
- [x] T{number}1 first
"""


@pytest.fixture
def mission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = log_in(tmp_path.resolve(), SLUG).path.parent
    (folder / "tasks").mkdir()
    for number in (1, 2, 3):
        write(folder, number)
    time.sleep(SETTLED_S)
    monkeypatch.setattr(package_memory, "_FEW", 2)
    return folder


def write(mission: Path, number: int) -> None:
    after = f"WP{number - 1:02}" if number > 1 else ""
    text = HEADER.format(number=number, after=after)
    (mission / "tasks" / f"WP{number:02}-step.md").write_text(text)


def ask(mission: Path, *, is_kept: bool = False) -> dict[str, WorkPackage]:
    """The packages as a new process gets them."""
    package_memory._known.clear()
    package_memory._stored.clear()
    root = mission.parents[1]
    store = PackageStore(project=Layout(root), slug=SLUG)
    return dict(packages_of(mission, below=root, store=lambda: store, is_kept=is_kept))


def test_only_a_changing_request_stores_packages_for_other_processes(
    mission: Path, package_reads: list[Path]
) -> None:
    said = read_packages(mission, below=mission.parents[1])
    for _ in range(2):
        assert ask(mission) == said
    assert len(package_reads) == 2, "a read stores nothing"
    assert ask(mission, is_kept=True) == said
    package_reads.clear()
    assert ask(mission) == said
    assert ask(mission, is_kept=True) == said
    assert package_reads == []


def test_a_change_stores_packages_that_a_read_of_the_same_process_parsed(
    mission: Path, package_reads: list[Path]
) -> None:
    ask(mission)
    root = mission.parents[1]
    store = PackageStore(project=Layout(root), slug=SLUG)
    packages_of(mission, below=root, store=lambda: store, is_kept=True)
    package_reads.clear()
    ask(mission)
    assert package_reads == []


def outline(mission: Path) -> None:
    (mission / "tasks.md").write_text("## WP01\n- [x] T011 first\n")


CHANGES: list[Callable[[Path], object]] = [
    outline,
    lambda mission: write(mission, 4),
    lambda mission: (mission / "tasks" / "WP01-step.md").unlink(),
    lambda mission: os.utime(mission / "tasks" / "WP01-step.md"),
    lambda mission: (mission / "tasks" / "WP01-step.md").write_text("---\ntitle: Other\n---\n"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_to_a_file_is_detected(
    mission: Path, package_reads: list[Path], change: Callable[[Path], object]
) -> None:
    ask(mission, is_kept=True)
    change(mission)
    package_reads.clear()
    assert ask(mission) == read_packages(mission, below=mission.parents[1])
    assert package_reads == [mission]


def test_stored_packages_are_not_used_after_a_reboot_or_by_another_release(
    mission: Path, package_reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(mission, is_kept=True)
    here = processes.this_process()
    for boot, version in (("another", specify_cli.__version__), (here.boot, "9.9.9"), ("", "1")):
        with monkeypatch.context() as patch:
            other = here._replace(boot=boot)
            patch.setattr(processes, "this_process", lambda: other)  # noqa: B023  asked at once
            patch.setattr(package_store, "__version__", version)
            package_reads.clear()
            ask(mission, is_kept=not boot)
            assert package_reads == [mission]
