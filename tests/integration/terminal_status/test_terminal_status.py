"""`spec-kitty status` in a real terminal, and watched through a pipe."""

from __future__ import annotations

import json
import re
import signal
import sys
from typing import IO, Any

import pytest

from tests.integration.stage import SLUG, TIMEOUT_S, Stage, environment
from tests.integration.terminal_status.screen import Screen

pytestmark = pytest.mark.long

STATUS = [sys.executable, "-m", "specify_cli", "status"]
PACKAGES: dict[str, dict[str, Any]] = {
    "WP01": {"title": "Index"},
    "WP02": {"title": "Query", "dependencies": ["WP01"]},
}


def show(stage: Stage, screen: Screen, *words: str, width: int) -> None:
    env = environment(TERM="xterm-256color")
    screen.open([*STATUS, *words], cwd=stage.root, env=env, width=width, height=30)


def claim(stage: Stage, wp: str, actor: str) -> None:
    stage.done("transition", mission=SLUG, wp=wp, to="claimed", actor=actor)


@pytest.mark.parametrize(("width", "is_list"), [(40, True), (60, False), (160, False)])
def test_board_fits_the_terminal(stage: Stage, screen: Screen, width: int, is_list: bool) -> None:
    stage.write_mission(PACKAGES)
    claim(stage, "WP01", "alice")
    show(stage, screen, width=width)
    drawn = screen.wait_for(lambda text: "exit=0" in text)
    assert ("WP01  claimed" in drawn) == is_list
    assert ("claimed 1" in drawn) != is_list
    assert "in_progress" not in drawn
    assert re.search(r"alice for (less than 1|\d+) min", " ".join(drawn.split()))


def test_watched_board_is_redrawn_on_a_change_and_ends_on_ctrl_c(
    stage: Stage, screen: Screen
) -> None:
    stage.write_mission(PACKAGES)
    show(stage, screen, SLUG, "--watch", width=40)
    screen.wait_for(lambda text: "planned 2" in text)
    claim(stage, "WP01", "alice")
    drawn = screen.wait_for(lambda text: "WP01  claimed" in text and "alice" in text)
    assert drawn.count("WP01  ") == 1
    screen.resize(160, 30)
    screen.wait_for(lambda text: "claimed 1" in text)
    screen.press("C-c")
    screen.wait_for(lambda text: "exit=0" in text)


def test_watched_board_recovers_from_an_unreadable_file(stage: Stage, screen: Screen) -> None:
    prompt = stage.write_mission(PACKAGES) / "tasks" / "WP02-step.md"
    sound = prompt.read_text()
    show(stage, screen, SLUG, "--watch", width=40)
    screen.wait_for(lambda text: "planned 2" in text)
    prompt.write_text("---\ntitle: [half\n")
    screen.wait_for(lambda text: "STATE_UNREADABLE" in text)
    prompt.write_text(sound)
    screen.wait_for(lambda text: "planned 2" in text)


def line_of(pipe: IO[bytes] | None) -> str:
    assert pipe is not None
    return pipe.readline().decode()


def test_watched_board_in_a_pipe_is_printed_once_per_change(stage: Stage) -> None:
    folder = stage.write_mission(PACKAGES)
    process = stage.start("status", SLUG, "--watch", "--json")
    first = json.loads(line_of(process.stdout))
    assert first["data"]["summary"]["planned"] == 2
    (folder / "notes.txt").write_text("a change of no consequence")
    claim(stage, "WP01", "alice")
    second = json.loads(line_of(process.stdout))
    assert second["data"]["summary"]["claimed"] == 1
    process.send_signal(signal.SIGINT)
    rest, complaints = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, rest, complaints) == (0, b"", b"")


def test_board_in_a_pipe_is_plain_text(stage: Stage) -> None:
    stage.write_mission(PACKAGES)
    ended = stage.run("status", env=environment(FORCE_COLOR="1", COLUMNS="160"))
    assert ended.exit_code == 0
    text = ended.stdout.decode("ascii")
    assert len(text.splitlines()) == 3
    assert text.replace("\n", "").isprintable()


def test_letters_that_the_terminal_cannot_show_are_escaped(stage: Stage, screen: Screen) -> None:
    stage.write_mission({"WP01": {"title": "Suche \u6587"}})
    env = environment(TERM="xterm", PYTHONIOENCODING="ascii")
    screen.open(STATUS, cwd=stage.root, env=env, width=60, height=10)
    assert "\\u6587" in screen.wait_for(lambda text: "exit=0" in text)


def test_watching_an_unknown_mission_is_refused(stage: Stage) -> None:
    stage.write_mission(PACKAGES)
    assert stage.run("status", "nonsense", "--watch").exit_code == 1


def test_status_of_several_missions_requires_a_name(stage: Stage) -> None:
    stage.write_mission(PACKAGES)
    stage.write_mission(PACKAGES, slug="002-other")
    assert stage.run("status").exit_code == 2
