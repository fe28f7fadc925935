"""A person takes a mission to its merge with `spec-kitty` and git, in a real terminal."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.terminal.afternoon import AFTERNOON
from tests.integration.terminal.shell import Shell
from tests.integration.terminal.tour import FOLDER, MISSION, OUTLINE, TOUR
from tests.integration.terminal_status.screen import Screen

pytestmark = pytest.mark.long


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "greeting"
    made.mkdir()
    return made


@pytest.fixture
def shell(folder: Path, tmp_path: Path) -> Iterator[Shell]:
    # Not tmp_path: a socket's path may have about a hundred characters at most.
    with tempfile.TemporaryDirectory() as place:
        screen = Screen(socket=Path(place) / "tmux")
        opened = Shell(screen=screen)
        opened.open(folder, beside=tmp_path / "bin")
        yield opened
        screen.close()


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.mark.campaign
def test_mission_is_taken_from_git_init_to_merge(shell: Shell, folder: Path):
    for step in TOUR:
        screen = shell.type(step.command)
        assert step.shown in screen, screen

    assert {"hello/say", "goodbye/say"} <= {*git(folder, "ls-files").split()}
    assert "Greet the world" in git(folder, "log", "--format=%s")
    assert git(folder, "status", "--porcelain", "--", "hello", "goodbye", FOLDER) == ""
    assert f"worktree {folder}/.worktrees" not in git(folder, "worktree", "list", "--porcelain")
    assert "done" in shell.type(f"spec-kitty status {MISSION}")


def test_six_packages_are_merged_after_mistakes_corrections_and_a_conflict(
    shell: Shell, folder: Path
):
    for step in AFTERNOON:
        shell.begin(step.command)
        for question, words in step.answers:
            shell.answer(question, words)
        screen = shell.finish()
        assert step.shown in screen, screen

    assert git(folder, "branch", "--format=%(refname:short)").split() == ["main"]
    assert git(folder, "status", "--porcelain") == ""


def test_missing_arguments_are_asked_for(shell: Shell, folder: Path):
    for command in (
        "git init -q -b main .",
        "spec-kitty specify Greeting",
        "spec-kitty plan",
        OUTLINE,
        "spec-kitty tasks",
    ):
        shell.type(command)

    shell.begin("spec-kitty specify")
    shell.answer("What should be built?", "Other")
    assert "mission: 002-other" in shell.finish()

    shell.begin("spec-kitty implement")
    shell.answer("Which mission?", "1")
    shell.answer("Which work package?", "WP02")
    shell.answer("a number from 1 to 1, or a name", "1")
    assert f"tasks done WP01 --mission {MISSION}" in shell.finish()

    shell.type(f"cd .worktrees/{MISSION}-lane-a && git commit -q --allow-empty -m work")
    # In a workspace its package is the default.
    assert "WP01: done" in shell.type("spec-kitty tasks done")
    shell.type("spec-kitty implement WP01 --done")
    shell.begin("spec-kitty review WP01")
    shell.answer("Show the diff?", "n")
    shell.answer("or quit?", "q")
    assert "next: spec-kitty review WP01" in shell.finish()
    assert "WP01  for_review" in shell.type("spec-kitty status WP01")
    shell.begin("spec-kitty review WP01")
    shell.answer("Show the diff?", "n")
    shell.answer("or quit?", "c")
    shell.answer("What should be changed?", "all of it")
    assert "next: spec-kitty implement WP01" in shell.finish()
    assert "  all of it" in shell.type("spec-kitty status wp01")

    shell.begin("spec-kitty move --note 'waits for a decision'")
    shell.answer("Which status lane?", "blocked")
    assert "WP01 moved from in_progress to blocked" in shell.finish()


def test_diff_is_shown_in_the_users_pager_without_control_codes(shell: Shell, folder: Path):
    for command in (
        "git init -q -b main .",
        "spec-kitty specify Greeting",
        "spec-kitty plan",
        OUTLINE,
        "spec-kitty tasks",
        "spec-kitty implement WP01",
        f"cd .worktrees/{MISSION}-lane-a && mkdir hello",
        r"printf 'tab\there \033[31mred\napi_key=os.system(\"id\")\n' >hello/say",
        "echo 'hello/* diff=evil filter=evil' >.gitattributes",
        "git config --file ../../evil core.pager 'touch pager-ran'",
        "git config diff.evil.textconv 'touch textconv-ran; cat'",
        "git config diff.evil.command 'touch command-ran'",
        "git config core.pager 'touch pager-ran; cat'",
        "git add hello .gitattributes && git commit -q -m 'Say hello'",
        "spec-kitty tasks done WP01 && spec-kitty implement WP01 --done",
        "export GIT_PAGER='exit 3'",
    ):
        shell.type(command)

    shell.begin("spec-kitty review WP01")
    shell.answer("Show the diff?", "y")
    shell.screen.wait_for(lambda text: "the pager 'exit 3' failed: see 'git diff" in text)
    shell.answer("or quit?", "q")
    shell.finish()
    shell.begin("GIT_PAGER='sed s/^/paged:/' spec-kitty review WP01")
    shell.answer("Show the diff?", "y")
    shell.screen.wait_for(lambda text: "or quit?" in text and "paged:+tab" in text)
    shell.answer("or quit?", "a")
    screen = shell.finish()

    assert r"\x1b[31mred" in screen
    assert 'paged:+api_key=os.system("id")' in screen
    assert ".gitattributes  (outside the owned files)" in screen
    assert "WP01 is approved" in screen
    assert list(folder.rglob("*-ran")) == []


def test_refusal_is_red_only_on_a_terminal(shell: Shell, folder: Path):
    shell.type("git init -q -b main . && spec-kitty specify Greeting")

    shell.type("spec-kitty implement WP01 2>refusal")
    shell.type("spec-kitty implement WP01")

    assert "\x1b" not in (folder / "refusal").read_text()
    assert "\x1b[1m\x1b[31mWP_NOT_FOUND" in shell.screen._tmux("capture-pane", "-p", "-e")
