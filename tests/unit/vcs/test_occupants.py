"""Whoever stands in a workspace is found by the folder, not by its name."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from specify_cli.vcs.host_folders import Identity, identity
from specify_cli.vcs.occupants import occupants

WAITING = (sys.executable, "-c", "print('here', flush=True); input()")
BOX = ("bwrap", "--bind", "/", "/", "--proc", "/proc", "--dev", "/dev")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace" / "inner" / "most").mkdir(parents=True)
    return tmp_path / "workspace"


def known(folder: Path) -> Identity:
    found = identity(folder)
    assert found is not None
    return found


@contextmanager
def standing(in_folder: Path, *before: str) -> Iterator[int]:
    command: Sequence[str] = (*before, *WAITING)
    with subprocess.Popen(
        command, cwd=in_folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        yield process.pid
        process.communicate(b"\n")


@pytest.mark.parametrize("below", [".", "inner", "inner/most"])
def test_a_process_that_stands_there_is_found(folder: Path, below: str) -> None:
    with standing(folder / below) as pid:
        assert occupants(known(folder)) == [pid]
    assert occupants(known(folder)) == []


def test_a_process_beside_or_above_is_not(folder: Path) -> None:
    (folder.parent / "workspace-2").mkdir()
    with standing(folder.parent / "workspace-2"), standing(folder.parent), standing(Path("/")):
        assert occupants(known(folder)) == []


def test_the_asking_process_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert occupants(known(folder)) == [os.getpid()]


def test_a_renamed_folder_is_still_known(folder: Path) -> None:
    with standing(folder / "inner") as pid:
        folder = folder.rename(folder.with_name("renamed"))
        assert occupants(known(folder)) == [pid]


def test_a_process_in_a_removed_folder_is_no_error(folder: Path) -> None:
    with standing(folder / "inner" / "most") as pid:
        (folder / "inner" / "most").rmdir()
        assert occupants(known(folder)) in ([], [pid])


@pytest.mark.parametrize("bound", ["/mnt", "."])
def test_a_process_in_a_sandbox_is_found_behind_its_bind_mount(folder: Path, bound: str) -> None:
    target = str(folder) if bound == "." else bound
    box = (*BOX, "--bind", str(folder), target, "--chdir", target)
    with standing(folder.parent, *box):
        assert occupants(known(folder)) != []
