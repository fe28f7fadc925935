"""What a call at the command line costs: whole processes, alternating with what they are compared with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.benchmarks.large_mission import SLUG, write_mission
from tests.benchmarks.mailbox_rows import serving
from tests.benchmarks.report import Found, Setting
from tests.benchmarks.timing import project_at, samples_ms, spec_kitty
from tests.unit.cli.people_pages import pages

LIBRARIES: Final = 'python -c "import click, pydantic"'
PYDANTIC: Final = 'python -c "import pydantic"'
NOTHING: Final = "python -c pass"
FLOORS: Final = {
    LIBRARIES: [sys.executable, "-c", "import click, pydantic"],
    PYDANTIC: [sys.executable, "-c", "import pydantic"],
    NOTHING: [sys.executable, "-c", "pass"],
}
SMALL, LARGE = 3, 500
TIMED_GIT: Final = """#!/bin/sh
begun=$(date +%s%N)
{git} "$@"
code=$?
echo $(($(date +%s%N) - begun)) >>{times}
exit $code
"""


def mission_state(setting: Setting) -> Found:
    """Milliseconds of `mission-state` for a small mission."""
    return _call(setting, "state", ["mission-state", "--mission", SLUG], floor=LIBRARIES)


def list_ready(setting: Setting) -> Found:
    """Milliseconds of `list-ready` for a small mission."""
    return _call(setting, "ready", ["list-ready", "--mission", SLUG], floor=LIBRARIES)


def large_state(setting: Setting) -> Found:
    """Milliseconds of `mission-state` for a large mission."""
    words = ["mission-state", "--mission", SLUG]
    return _call(setting, "large", words, floor=PYDANTIC, packages=LARGE)


def help_page(setting: Setting) -> Found:
    """Milliseconds of the help page with the most text."""
    texts = {
        words: subprocess.run([*spec_kitty(), *words, "--help"], capture_output=True, check=True)
        for words in pages()
    }
    largest = max(texts, key=lambda words: len(texts[words].stdout))
    found = _turns([*spec_kitty(), *largest, "--help"], setting, floor=LIBRARIES)
    return Found(ours=found.ours, floor=found.floor, unit="ms", remark=" ".join(largest))


def through_mailbox(setting: Setting) -> Found:
    """Milliseconds of `mission-state --mailbox`, answered by a running worker."""
    root = _project(setting, "through", packages=SMALL)
    where = ["--mailbox", str(root / ".kitty")]
    words = ["orchestrator-api", "mission-state", "--mission", SLUG, *where]
    with serving(root):
        return _turns([*spec_kitty(), *words], setting, floor=NOTHING, folder=root)


def transition(setting: Setting) -> Found:
    """Milliseconds of a `transition` (planned to claimed) at the command line, without those of git.

    What git takes is measured in a second run of the same calls, by a program in its place that
    starts it, because that program takes time, too.
    """
    root = _project(setting, "transition", packages=0)
    write_mission(root, packages=2 * setting.rounds + 2, slug="002-new", number=2, is_new=True)
    calls = iter(range(1, 2 * setting.rounds + 3))
    ours, floor, of_git = [], [], []
    for _ in range(setting.rounds + 1):
        ours.append(_timed_ms(claim(f"WP{next(calls):03}", mission="002-new"), root, os.environ))
        floor.append(_timed_ms(FLOORS[LIBRARIES], root, os.environ))
    times = root.parent / "git-times"
    environment = _with_timed_git(root.parent, times)
    for _ in range(setting.rounds):
        times.write_text("")
        _timed_ms(claim(f"WP{next(calls):03}", mission="002-new"), root, environment)
        of_git.append(sum(map(int, times.read_text().split())) / 1e6)
    git_ms = sorted(of_git)[len(of_git) // 2]
    return Found(
        ours=[max(it - git_ms, 0.0) for it in ours[1:]],
        floor=floor[1:],
        unit="ms",
        remark=f"git took {git_ms:.1f} ms more",
    )


def claim(wp_id: str, *, mission: str) -> list[str]:
    """Return the command that claims the package."""
    policy = json.dumps(
        {
            "orchestrator_id": "benchmark",
            "orchestrator_version": "1",
            "agent_family": "none",
            "approval_mode": "full_auto",
            "sandbox_mode": "workspace_write",
            "network_mode": "none",
            "dangerous_flags": [],
        }
    )
    words = ["--mission", mission, "--wp", wp_id, "--to", "claimed"]
    actor = ["--actor", "benchmark", "--policy", policy]
    return [*spec_kitty(), "orchestrator-api", "transition", *words, *actor]


def _with_timed_git(folder: Path, times: Path) -> dict[str, str]:
    programs = folder / "programs"
    programs.mkdir()
    program = programs / "git"
    program.write_text(TIMED_GIT.format(git=shutil.which("git"), times=times))
    program.chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}


def _timed_ms(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, env=dict(environment), check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


def _call(
    setting: Setting, name: str, words: Sequence[str], *, floor: str, packages: int = SMALL
) -> Found:
    root = _project(setting, name, packages=packages)
    # The host has the mission in its record, as it has each one that it has ever changed.
    note = ["--mission", SLUG, "--wp", "WP001", "--actor", "benchmark", "--note", "hello"]
    _timed_ms([*spec_kitty(), "orchestrator-api", "append-history", *note], root, os.environ)
    return _turns([*spec_kitty(), "orchestrator-api", *words], setting, floor=floor, folder=root)


def _project(setting: Setting, name: str, *, packages: int) -> Path:
    root = setting.folder / name / "project"
    root.mkdir(parents=True)
    project_at(root)
    write_mission(root, packages=packages)
    return root


def _turns(
    command: Sequence[str], setting: Setting, *, floor: str, folder: Path | None = None
) -> Found:
    commands = {"ours": command, floor: FLOORS[floor]}
    samples = samples_ms(commands, runs=3 * setting.rounds, folder=folder)
    return Found(ours=samples["ours"], floor=samples[floor], unit="ms")
