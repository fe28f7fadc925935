"""Tests of hosts that are killed while they create or swap a workspace."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from specify_cli.files.identity import identity
from specify_cli.vcs.workspaces import Objects, swap
from tests.unit.vcs.conftest import Project
from tests.unit.vcs.workspace_stage import (
    SHARED_AND_COPIED,
    identity_of,
    order,
    pins,
    remains,
    workspace,
)

pytestmark = pytest.mark.long

STEPS = frozenset(
    {
        "ctypes.dlsym",
        "fcntl.flock",
        "os.chmod",
        "os.listdir",
        "os.mkdir",
        "os.remove",
        "os.rename",
        "os.rmdir",
        "os.symlink",
        "subprocess.Popen",
    }
)
MOST_STEPS = 300


def killed_at(step: int, act: Callable[[], object]) -> bool:
    """Run `act` in a process that is killed before its step of this number; false if `act` ended first."""
    child = os.fork()
    if child == 0:
        left = step

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            is_writing = event == "open" and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
            if event in STEPS or is_writing:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(hook)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code != 0


def kills(act: Callable[[], object], *, least: int = 10) -> Iterator[int]:
    """Kill `act` before each of its steps in turn, until it ends; it must have more than `least` steps."""
    for step in range(MOST_STEPS):
        if not killed_at(step, act):
            assert step > least
            return
        yield step
    raise AssertionError(f"it has more than {MOST_STEPS} steps")


def require_whole(project: Project, place: Path) -> None:
    assert project.git("status", "--porcelain", "--ignored", at=place) == ""
    assert project.git("fsck", "--strict", "--no-dangling", at=place) == ""
    assert "user" in (place / ".git" / "config").read_text()


@SHARED_AND_COPIED
def test_a_creation_killed_at_any_step_does_not_block_the_next(
    project: Project, objects: Objects
) -> None:
    project.git("config", "user.name", "Somebody")
    hook = project.write(".git/hooks/pre-commit", "#!/bin/sh\n")
    hook.chmod(0o755)
    project.write(".git/info/exclude", "*.log\n")
    for step in kills(lambda: workspace(project, objects=objects)):
        place = order(project).path
        if place.exists():
            require_whole(project, place)
            place.rename(project.root.parent / f"done-{step}")
        made = workspace(project, "demo-lane-b", objects=objects)
        assert remains(project) == ["demo-lane-b"]
        assert {it.split("/")[3] for it in pins(project)} <= {"demo-lane-b"}
        made.path.rename(project.root.parent / f"other-{step}")


@SHARED_AND_COPIED
def test_a_swap_killed_at_any_step_loses_nothing(project: Project, objects: Objects) -> None:
    old = workspace(project, objects=objects).made.identity
    project.commit({"a.txt": "later\n"})
    wanted = order(project, objects=objects)
    place = wanted.path
    for step in kills(lambda: swap(project.repo, wanted, old=old)):
        kept = {identity(it) for it in place.parent.glob(".trash/*")}
        assert old in {*kept, identity(place)}
        require_whole(project, place)
        if identity(place) != old:
            break
        made = workspace(project, f"demo-lane-{step}", objects=objects)
        made.path.rename(project.root.parent / f"other-{step}")
    else:
        pytest.fail("no kill came after the swap")
    assert (place / "a.txt").read_text() == "later\n"
    assert old in kept
    again = swap(project.repo, wanted, old=identity_of(place))
    require_whole(project, place)
    assert identity(place) == again.identity
    assert not any(it.startswith(".making") for it in remains(project))


def test_a_creation_killed_while_git_writes_files_does_not_block_the_next(project: Project) -> None:
    project.commit({".gitattributes": "slow filter=slow\n", "slow": "x\n"})
    started, go = project.root.parent / "started", project.root.parent / "go"
    os.mkfifo(started)
    os.mkfifo(go)

    def act() -> None:
        script = f"kill -9 {os.getpid()}; echo >'{started}'; cat '{go}'; cat"
        project.git("config", "filter.slow.smudge", script)
        workspace(project)

    assert killed_at(MOST_STEPS, act)
    started.read_text()
    project.git("config", "--unset", "filter.slow.smudge")
    made = workspace(project)  # While that git is still running.
    assert len([it for it in remains(project) if it.startswith(".making")]) == 1
    go.write_text("")
    require_whole(project, made.path)
