"""Completion by the Tab key in bash and every other supported shell that is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.integration.on_path import program_folder
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


HOSTILE = "$(touch pwned) `touch pwned` \"'; touch pwned; # %F{red} \x1b[2J\a : \n \\"


def opened(stage: Stage, screen: Screen, folder: Path, shell: str) -> None:
    """Open the shell in the project, with completion set up."""
    path = f"{program_folder(folder)}:{environment()['PATH']}"
    env = environment(PATH=path, TERM="xterm", PS1="$ ", LC_ALL="C.UTF-8")
    screen.open(STARTS[shell], cwd=stage.root, env=env, width=150, height=30)
    screen.press(f"{SETUPS[shell]}; echo ready", "Enter")
    screen.wait_for(lambda text: "\nready" in text)


@pytest.mark.parametrize("shell", HERE)
def test_tab_key_completes_commands_missions_and_packages(
    stage: Stage, screen: Screen, tmp_path: Path, shell: str
) -> None:
    stage.write_mission({"WP01": {}, "WP12": {}})
    opened(stage, screen, tmp_path / "bin", shell)

    # A captured screen has no trailing blanks.
    screen.press("spec-kitty orch", "Tab")
    screen.wait_for(lambda text: "spec-kitty orchestrator-api" in text)
    screen.press("resolve-workspace --mission 00", "Tab")
    screen.wait_for(lambda text: f"--mission {SLUG}" in text)
    screen.press("--wp WP1", "Tab")
    screen.wait_for(lambda text: "--wp WP12" in text)

    screen.press("C-u")
    screen.type_text("spec-kitty implement --mission=00")
    screen.press("Tab")
    screen.wait_for(lambda text: f"implement --mission={SLUG}" in text)
    screen.type_text(" WP1")
    screen.press("Tab")
    screen.wait_for(lambda text: f"--mission={SLUG} WP12" in " ".join(text.split()))


@pytest.mark.parametrize("shell", HERE)
def test_hostile_titles_and_slugs_are_neither_run_nor_printed_raw(
    stage: Stage, screen: Screen, tmp_path: Path, shell: str
) -> None:
    stage.write_mission({f"WP0{n}": {"title": f"{n} {HOSTILE}"} for n in (1, 2)}, title=HOSTILE)
    stage.write_mission({}, slug="002-$(touch pwned)", title=HOSTILE)
    stage.write_mission({}, slug="003-'; touch pwned; '", title=HOSTILE)
    opened(stage, screen, tmp_path / "bin", shell)

    screen.type_text(f"spec-kitty implement --mission {SLUG} W")
    screen.press("Tab", "Tab", "Tab")
    screen.type_text("P02 # listed")
    screen.wait_for(lambda text: "listed" in text)
    assert "\x1b" not in screen.text()
    screen.press("C-u")
    screen.type_text("spec-kitty status 00")
    screen.press("Tab")
    # The slugs of the other two missions need quoting in a shell, so they are not offered.
    screen.wait_for(lambda text: f"status {SLUG}" in text)
    screen.press("C-u")
    screen.type_text("spec-kitty status '$(touch pwned)'")
    screen.press("Tab")
    screen.type_text(" # not run")
    screen.wait_for(lambda text: "not run" in text)
    screen.press("C-u")
    screen.type_text("spec-kitty move WP01 blo")
    screen.press("Tab")
    screen.wait_for(lambda text: "move WP01 blocked" in text)
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("shell", HERE)
def test_unreadable_project_does_not_disturb_the_command_line(
    stage: Stage, screen: Screen, tmp_path: Path, shell: str
) -> None:
    (stage.write_mission({"WP01": {}}) / "meta.json").write_bytes(b"\xff")
    opened(stage, screen, tmp_path / "bin", shell)

    screen.type_text("spec-kitty implement ")
    screen.press("Tab")
    screen.type_text("WP01 # typed on")
    assert "spec-kitty implement WP01 # typed on" in screen.wait_for(
        lambda text: "typed on" in text
    )
