"""Extract an advised command from printed text and run it in a shell."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.integration.on_path import program_folder
from tests.integration.stage import SLUG, Process, Stage, environment
from tests.patience import LONGEST_S, wait_until

CODE = {"src/a.txt": "a\n"}


class Shown(NamedTuple):
    """Printed text, and the folder and expected exit code of the command that it advises."""

    text: str
    folder: Path | None = None
    exit_code: int = 0


def say(stage: Stage, *words: str, folder: Path | None = None) -> str:
    done = stage.run(*words, cwd=folder)
    return (done.stdout + done.stderr).decode()


def refusal(stage: Stage, command: str, **args: str) -> str:
    answer = stage.ask(command, mission=SLUG, **args)
    assert not answer["success"], answer
    return str(answer["data"]["message"])


def advised(text: str, lead: str) -> str:
    """The command after `lead`: to the end of the line, or to the quote or parenthesis that closes it."""
    assert lead in text, text
    command = text.partition(lead)[2].partition("\n")[0]
    end = {"'": "'", "(": ")"}.get(lead[-1])
    return command.partition(end)[0] if end else command


def paste(stage: Stage, command: str, shown: Shown) -> str:
    tools = program_folder(stage.root.parent / "tools")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=shown.folder or stage.root,
        env=environment(PATH=f"{tools}:{os.environ['PATH']}", GIT_EDITOR="true"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert done.returncode == shown.exit_code, (command, done)
    return done.stdout.decode() + done.stderr.decode()


def serve(stage: Stage, command: str) -> Process:
    """Start the worker with the command and wait until it serves the mailbox."""
    worker = stage.start(*shlex.split(command)[1:])
    beat = stage.root / ".kitty" / "outbox" / "worker.json"
    wait_until(lambda: beat.exists() and json.loads(beat.read_text())["pid"] == worker.pid)
    return worker


def one(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})


def submitted(stage: Stage) -> None:
    one(stage)
    begun = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    stage.commit(CODE, folder=Path(begun["workspace_path"]))
    stage.done("transition", mission=SLUG, wp="WP01", to="for_review", actor="coder")


def approved(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.commit({"kitty-specs/.keep": ""})
    stage.approve("WP01", CODE)


def accepted(stage: Stage) -> None:
    approved(stage)
    stage.done("accept-mission", mission=SLUG, actor="ada")


def findings(stage: Stage, check: str) -> str:
    found = stage.ask("diagnose", policy=None)["data"]["findings"]
    repairs = [it["repair"] for it in found if it["check"] == check]
    assert repairs, found
    return str(repairs[0])


def repairs(stage: Stage, folder: Path | None = None) -> Shown:
    found = Stage(root=folder or stage.root).ask("diagnose", policy=None)["data"]["findings"]
    return Shown("".join(it["repair"] + "\n" for it in found), folder)
