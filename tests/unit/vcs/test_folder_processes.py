"""Tests of the search for processes whose working directory is in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from specify_cli.vcs import folder_processes
from tests.patience import LONGEST_S
from tests.unit.vcs.workspace_stage import identity_of

WAITING = (sys.executable, "-c", "print('here', flush=True); input()")
DEEP = 300
OWNER, STRANGER = 54_321, 54_322
AT_THE_DEEPEST = f"""
import os
for _ in range({DEEP}):
    os.mkdir("d")
    os.chdir("d")
print("here", flush=True)
input()
for _ in range({DEEP}):
    os.chdir("..")
    os.rmdir("d")
"""
BOUND_INTO_ITSELF = """
mkdir inner/itself
mount --bind inner inner/itself
cd inner/itself
exec "$@"
"""
BOX = ("bwrap", "--bind", "/", "/", "--proc", "/proc", "--dev", "/dev")


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than people wait for."""
    monkeypatch.setattr(folder_processes, "_LONGEST_S", LONGEST_S)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "workspace" / "inner" / "most").mkdir(parents=True)
    return tmp_path / "workspace"


def found_in(folder: Path) -> list[int]:
    return folder_processes.processes_in(identity_of(folder), owner=folder.stat().st_uid)


def as_user(user: int) -> tuple[str, ...]:
    return ("setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups")


@contextmanager
def standing(in_folder: Path, *before: str, program: Sequence[str] = WAITING) -> Iterator[int]:
    command: Sequence[str] = (*before, *program)
    with subprocess.Popen(
        command, cwd=in_folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == b"here\n"
        yield process.pid
        process.communicate(b"\n")


@pytest.mark.parametrize("below", [".", "inner", "inner/most"])
def test_a_process_that_works_in_the_folder_is_found(folder: Path, below: str) -> None:
    with standing(folder / below) as pid:
        assert found_in(folder) == [pid]
    assert found_in(folder) == []


def test_processes_in_siblings_and_parents_are_not_found(folder: Path) -> None:
    (folder.parent / "workspace-2").mkdir()
    with standing(folder.parent / "workspace-2"), standing(folder.parent), standing(Path("/")):
        assert found_in(folder) == []


def test_the_calling_process_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert found_in(folder) == [os.getpid()]


def test_processes_in_a_renamed_folder_are_found(folder: Path) -> None:
    with standing(folder / "inner") as pid:
        folder = folder.rename(folder.with_name("renamed"))
        assert found_in(folder) == [pid]


def test_a_process_in_a_removed_folder_is_not_an_error(folder: Path) -> None:
    with standing(folder / "inner" / "most") as pid:
        (folder / "inner" / "most").rmdir()
        assert found_in(folder) in ([], [pid])


@pytest.mark.parametrize("bound", ["/mnt", "."])
def test_a_process_in_a_sandbox_is_found_through_its_bind_mount(folder: Path, bound: str) -> None:
    target = str(folder) if bound == "." else bound
    box = (*BOX, "--bind", str(folder), target, "--chdir", target)
    with standing(folder.parent, *box):
        assert found_in(folder) != []


def test_a_process_in_a_deeply_nested_folder_is_found(folder: Path) -> None:
    with standing(folder, program=(sys.executable, "-c", AT_THE_DEEPEST)) as pid:
        assert found_in(folder) == [pid]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_only_processes_of_root_and_the_owner_are_found(folder: Path) -> None:
    os.chown(folder, OWNER, OWNER)
    with standing(folder, *as_user(OWNER)) as owner, standing(folder) as root:
        assert found_in(folder) == sorted([owner, root])
    with standing(folder, *as_user(STRANGER)):
        assert found_in(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_setuid_process_of_another_user_is_not_found(folder: Path) -> None:
    as_setuid = ("setpriv", f"--ruid={STRANGER}", "--euid=0")
    with standing(folder, *as_setuid):
        assert found_in(folder) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
def test_a_process_in_a_folder_that_is_bind_mounted_into_itself_is_found(folder: Path) -> None:
    with standing(folder, "unshare", "--mount", "sh", "-ec", BOUND_INTO_ITSELF, "sh") as pid:
        assert found_in(folder) == [pid]


def test_the_number_of_reported_processes_is_limited(folder: Path) -> None:
    with ExitStack() as entered:
        pids = {
            entered.enter_context(standing(folder, program=("sh", "-c", "echo here; read end")))
            for _ in range(folder_processes.MOST_TOLD + 2)
        }
        found = found_in(folder)
    assert len(found) == folder_processes.MOST_TOLD
    assert pids > set(found)


def test_several_processes_in_one_folder_are_checked_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real = os.open

    def counted(path: str, flags: int, *mode: int, dir_fd: int | None = None) -> int:
        steps.append(path)
        return real(path, flags, *mode, dir_fd=dir_fd)

    beside = folder.with_name("beside") / "/".join(["d"] * 50)
    beside.mkdir(parents=True)
    with standing(beside):
        monkeypatch.setattr(os, "open", counted)
        found_in(folder)
        before = steps.count("..")
    with standing(beside), standing(beside), standing(beside):
        steps.clear()
        found_in(folder)
    assert steps.count("..") < before + 50


def test_the_search_stops_at_its_deadline(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with standing(folder / "inner" / "most"):
        monkeypatch.setattr(folder_processes, "_LONGEST_S", 0.0)
        assert found_in(folder) == []
