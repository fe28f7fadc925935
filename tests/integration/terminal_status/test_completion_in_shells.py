"""The Tab key in every shell that this machine has; bash is always among them."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import pytest

from tests.integration.stage import SLUG, Stage, environment
from tests.integration.terminal_status.screen import Screen

pytestmark = pytest.mark.long

STARTS = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
    "fish": ["fish", "--no-config"],
}
SETUPS = {
    "bash": 'eval "$(spec-kitty completion bash)"',
    "zsh": 'autoload -Uz compinit; compinit -u; eval "$(spec-kitty completion zsh)"',
    "fish": "spec-kitty completion fish | source",
}
HERE = [shell for shell in STARTS if shell == "bash" or shutil.which(shell)]


def program(folder: Path) -> Path:
    """A folder with `spec-kitty` in it, as an installation has."""
    folder.mkdir()
    script = folder / "spec-kitty"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m specify_cli "$@"\n')
    script.chmod(0o755)
    return folder


@pytest.mark.parametrize("shell", HERE)
def test_the_tab_key_completes_words_missions_and_packages(
    stage: Stage, screen: Screen, tmp_path: Path, shell: str
) -> None:
    stage.write_mission({"WP01": {}, "WP12": {}})
    path = f"{program(tmp_path / 'bin')}:{environment()['PATH']}"
    env = environment(PATH=path, TERM="xterm", PS1="$ ")
    screen.open(STARTS[shell], cwd=stage.root, env=env, width=150, height=30)
    screen.press(f"{SETUPS[shell]}; echo ready", "Enter")
    screen.wait_for(lambda text: "\nready" in text)

    # Trailing blanks are not on a captured screen.
    screen.press("spec-kitty orch", "Tab")
    screen.wait_for(lambda text: "spec-kitty orchestrator-api" in text)
    screen.press("resolve-workspace --mission 00", "Tab")
    screen.wait_for(lambda text: f"--mission {SLUG}" in text)
    screen.press("--wp WP1", "Tab")
    screen.wait_for(lambda text: "--wp WP12" in text)
