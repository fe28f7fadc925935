"""A host that is killed during intake leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from specify_cli.vcs import commit_intake, scratch_repository
from specify_cli.vcs.commit_intake import IntakeLimits
from tests.campaign import sampled
from tests.integration.intake.workspaces import BRANCH, Scene, git, readers_of
from tests.patience import LONGEST_S, wait_until

SOMEBODY = 61_013
STEPS = 10
"""At how many lines the host is killed; the fault suite covers every system call."""


KILLED = """
import os, sys
from pathlib import Path
from specify_cli.vcs import commit_intake, scratch_repository
from specify_cli.vcs.repository import Repository

root, workspace, branch, base, step = sys.argv[1:]
count = 0

def trace(frame, event, arg):
    global count
    if event == "line" and "/specify_cli/vcs/" in frame.f_code.co_filename:
        name = Path(frame.f_code.co_filename).name
        if name in ("commit_intake.py", "lfs.py", "scratch_repository.py"):
            count += 1
            if count == int(step):
                os.kill(os.getpid(), 9)
    return trace

repo = Repository(root=Path(root))
source = commit_intake.IntakeSource(workspace=Path(workspace), branch=branch, base=base)
sys.settrace(trace)
with commit_intake.fetched_commits(repo, source, bounds=commit_intake.IntakeLimits()) as found:
    found.move_in(repo)
sys.settrace(None)
print(count)
"""


def killed(scene: Scene, step: int) -> subprocess.CompletedProcess[str]:
    words = (str(scene.project), str(scene.workspace), BRANCH, scene.base, str(step))
    command = [sys.executable, "-c", KILLED, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)


@pytest.mark.parametrize("files", sampled([1, 150], every=2), ids=["loose", "packed"])
def test_intake_killed_at_any_step_leaves_nothing_behind(tmp_path: Path, files: int) -> None:
    scene = Scene.make(tmp_path)
    tip = scene.work({f"f{n}": f"{n}\n" for n in range(files)})
    saved = tmp_path / "saved"
    shutil.copytree(scene.project, saved)
    whole = killed(scene, 0)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout)
    for step in range(1, steps, max(1, steps // STEPS)):
        shutil.rmtree(scene.project)
        shutil.copytree(saved, scene.project)
        assert killed(scene, step).returncode == -signal.SIGKILL
        scratch_repository.remove_abandoned(scene.repo)
        assert not any((scene.project / ".git" / scratch_repository.FOLDER).glob("*"))
        packs = scene.project / ".git/objects/pack"
        assert {it.stem for it in packs.iterdir()} == {it.stem for it in packs.glob("*.idx")}
        assert not readers_of(scene.workspace)
        assert scene.tip() in ("", tip)
        assert scene.take() == scene.tip() == tip
        git(scene.project, "fsck", "--strict")


@pytest.mark.parametrize("is_isolated", [True, False])
def test_processes_left_by_a_killed_host_are_ended(scene: Scene, is_isolated: bool) -> None:
    (scene.git_dir / "config").unlink()
    os.mkfifo(scene.git_dir / "config")
    words = (str(scene.project), str(scene.workspace), BRANCH, scene.base, "0")
    blind = "commit_intake.irregular_files = lambda *_, **__: []\n"
    if not is_isolated:
        blind += "from specify_cli.vcs.sandbox import Sandbox\ncommit_intake.sandbox_for = lambda _: Sandbox(is_isolated=False)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED.replace("count = 0", blind + "count = 0"), *words]
    )

    def is_read() -> bool:
        found = readers_of(scene.workspace)
        return any("upload-pack" in it and "prlimit" not in it for it in found)

    wait_until(is_read, "a program that reads the workspace", process=process)
    process.kill()
    process.wait()
    scratch_repository.remove_abandoned(scene.repo)
    assert not any((scene.project / ".git" / scratch_repository.FOLDER).glob("*"))
    wait_until(lambda: not readers_of(scene.workspace), "the end of what was left running")


def test_cleanup_keeps_scratch_folders_of_running_processes(scene: Scene) -> None:
    with commit_intake.fetched_commits(scene.repo, scene.source, bounds=IntakeLimits()) as found:
        scratch_repository.remove_abandoned(scene.repo)
        found.move_in(scene.repo)
    assert scene.tip() == scene.base


def test_concurrent_intakes_of_one_branch_all_succeed(scene: Scene) -> None:
    tip = scene.work({f"f{n}": f"{n}\n" for n in range(150)})
    words = (str(scene.project), str(scene.workspace), BRANCH, scene.base, "0")
    command = [sys.executable, "-c", KILLED, *words]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    deadline = time.monotonic() + LONGEST_S
    for process in started:
        process.communicate(timeout=deadline - time.monotonic())
    assert scene.tip() == tip
    git(scene.project, "fsck", "--strict")
