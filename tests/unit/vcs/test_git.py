"""Tests of running git: its end, its timeout, and signals to the host."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from specify_cli import processes
from specify_cli.vcs import child_process, git
from specify_cli.vcs.git import Git, GitFailed, inheriting
from tests.patience import LONGEST_S, SIGNALLED_S, wait_until
from tests.unit.vcs.conftest import Project

pytestmark = pytest.mark.long

# Ignores every signal that asks it to end.
STUBBORN = "trap '' TERM INT HUP; echo $$ > '{pid}'; sleep 600 & wait; sleep 600"
RUN = """
import sys
from pathlib import Path
from specify_cli.vcs.git import Git

Git(folder=Path(sys.argv[1])).run("stubborn")
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@pytest.fixture
def pid_file(project: Project) -> Path:
    """The file to which `git stubborn` writes its process id."""
    file = project.root.parent / "pid"
    project.git("config", "alias.stubborn", "!" + STUBBORN.format(pid=file))
    return file


def pid_in(file: Path) -> int:
    wait_until(lambda: file.exists() and file.read_text().strip())
    return int(file.read_text())


def test_a_timeout_kills_git_and_its_child_processes(project: Project, pid_file: Path) -> None:
    # On a busy machine it may be killed before it has started.
    for timeout_s in (0.5, 5.0, 50.0):
        with pytest.raises(GitFailed, match="git_timeout_s"):
            Git(folder=project.root).run("stubborn", timeout_s=timeout_s)
        if pid_file.exists() and pid_file.read_text().strip():
            break
    # On a busy machine a killed process may take a moment to disappear.
    wait_until(lambda: not is_alive(int(pid_file.read_text())))


def test_set_time_limit_sets_the_default_timeout(project: Project) -> None:
    os.mkfifo(project.root / "fifo")
    git.set_time_limit(0.2)
    try:
        with pytest.raises(GitFailed, match=r"0\.2 s"):
            Git(folder=project.root).run("hash-object", "fifo")
    finally:
        git.set_time_limit(120)


def test_the_timeout_error_of_a_push_names_push_timeout_s(project: Project) -> None:
    os.mkfifo(project.root / "fifo")
    project.git("config", "remote.origin.url", "ext::cat fifo")
    project.git("config", "protocol.ext.allow", "always")
    with pytest.raises(GitFailed, match="push_timeout_s"):
        Git(folder=project.root).run("push", "origin", "main", timeout_s=0.3)


def test_a_background_process_of_git_is_not_waited_for(project: Project) -> None:
    project.git("config", "alias.leave", "!sleep 600 & echo $!")
    done = Git(folder=project.root).run("leave")
    left = int(done.lines[0])
    assert is_alive(left)
    os.kill(left, signal.SIGKILL)


def test_a_background_process_of_git_does_not_keep_an_inherited_lock(project: Project) -> None:
    project.git("config", "alias.leave", "!sleep 600 & echo $!")
    lock = project.root / "lock"
    with lock.open("w") as held, inheriting(held.fileno()):
        fcntl.flock(held, fcntl.LOCK_EX)
        left = int(Git(folder=project.root).run("leave").lines[0])
    wait_until(lambda: not is_alive(left))
    with lock.open("w") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_error_for_a_silent_failure_names_the_signal(project: Project) -> None:
    project.git("config", "alias.die", "!kill $PPID")
    with pytest.raises(GitFailed, match="git die: killed by SIGTERM"):
        Git(folder=project.root).run("die")


def test_the_output_of_git_is_bounded(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "MOST_PRINTED", 100_000)
    project.git("config", "alias.print", "!yes")
    with pytest.raises(GitFailed, match="100000 bytes"):
        Git(folder=project.root).run("print")


def test_input_and_output_of_git_may_be_long(project: Project) -> None:
    project.git("config", "alias.echo", "!cat; head -c 1000000 /dev/zero >&2")
    long = bytes(range(256)) * 20_000
    done = Git(folder=project.root).run("echo", input=long)
    assert done.stdout == long
    assert len(done.stderr) == 1_000_000


def test_git_need_not_read_its_input(project: Project) -> None:
    assert Git(folder=project.root).run("version", input=b"x" * 10_000_000).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_host_terminates_git(
    project: Project, pid_file: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", RUN, str(project.root)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as host:
        left = pid_in(pid_file)
        began = time.monotonic()
        host.send_signal(number)
        # A second signal ends the host without waiting for git.
        time.sleep(0.2)
        host.send_signal(number)
        assert host.wait(LONGEST_S) != 0
        assert time.monotonic() - began < SIGNALLED_S
    wait_until(lambda: not is_alive(left))


def test_git_may_finish_after_a_signal_to_the_host(project: Project) -> None:
    begun, gate, ended = (project.root.parent / name for name in ("begun", "gate", "ended"))
    os.mkfifo(gate)
    project.git("config", "alias.stubborn", f"!echo > '{begun}'; cat '{gate}' > '{ended}'")
    command = [sys.executable, "-c", RUN, str(project.root)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as host:
        wait_until(begun.exists)
        with gate.open("w") as through:  # Once git reads from it.
            host.send_signal(signal.SIGTERM)
            through.write("through\n")
        assert host.wait(LONGEST_S) == processes.EXIT_CODE
    assert ended.read_text() == "through\n"


@pytest.mark.parametrize("both", [True, False])
def test_the_advice_names_every_lock_that_blocks_git(project: Project, both: bool) -> None:
    locks = [project.root / ".git" / "HEAD.lock", project.root / ".git/refs/heads/main.lock"]
    for it in locks[: 1 + both]:
        it.touch()
    with pytest.raises(GitFailed) as refusal:
        project.repo.git.run("update-ref", "HEAD", "HEAD~0")
    advice = str(refusal.value).rpartition("rm -f ")[2]
    assert advice.split() == [str(it) for it in locks[: 1 + both]]


@pytest.mark.parametrize("named", ["refs/heads/../../../uv", "refs/heads/a-link/uv", "{root}/uv"])
def test_the_advice_never_names_a_file_outside_the_git_folder(project: Project, named: str) -> None:
    (project.root / "uv.lock").touch()
    git_folder = project.root / ".git"
    (git_folder / "refs/heads/a-link").symlink_to(project.root)
    (git_folder / "HEAD").write_text(f"ref: {named.format(root=project.root)}\n")
    lock = git_folder / "HEAD.lock"
    advice = git._advised(f"fatal: Unable to create '{lock}': File exists.")
    assert advice.rpartition("rm -f ")[2] == str(lock)
