"""A whole mission in a scratch repository, driven through files alone. Standard library only.

    quickstart.py [--keep]

Plays the operator: makes a repository and a mission of three work packages, starts the host's
worker and, beside it, `file_orchestrator.py`, which gets two folders and a name. Then it shows what has
become of the mission. `--keep` leaves the repository in place to look around in.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
MISSION = "001-full-text-search"
IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Quick Start"), ("EMAIL", "quickstart@example.invalid"))
}
OF_OTHER_PROJECTS = ("GIT_", "SPECIFY_", "SPEC_KITTY_")
WORKER_TIMEOUT_S = 30
ORCHESTRATOR_TIMEOUT_S = 300

# Flushed, so that what we say and what the commands print come in order.
say = partial(print, flush=True)


class Failed(Exception):
    """The quickstart cannot go on; the message says why."""


class Project:
    """The scratch repository, and the programs that are run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = environment()
        self.worker_log = root.parent / "worker.log"

    def run(self, *words: str) -> None:
        """The command was shown, run and has succeeded. Raises: Failed."""
        say(f"$ {shlex.join(words)}")
        try:
            subprocess.run(
                [program(words[0]), *words[1:]], cwd=self.root, env=self.environment, check=True
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise Failed(f"{shlex.join(words)}: {error}") from error

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker serves the mailbox during the block. Raises: Failed."""
        say("$ spec-kitty mailbox serve &")
        with self.worker_log.open("wb") as log:
            worker = subprocess.Popen(
                [program("spec-kitty"), "mailbox", "serve"],
                cwd=self.root,
                env=self.environment,
                stderr=log,
            )
        try:
            self._wait_for(worker)
            yield
        finally:
            worker.send_signal(signal.SIGTERM)
            try:
                code = worker.wait(WORKER_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                worker.kill()
                code = worker.wait()
        if code != 0:
            raise Failed(f"the worker ended with exit code {code}: {self._last_words()}")

    def _wait_for(self, worker: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + WORKER_TIMEOUT_S
        while not (self.root / ".kitty/outbox/worker.json").exists():
            if worker.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the worker does not serve: {self._last_words()}")
            time.sleep(0.02)

    def _last_words(self) -> str:
        lines = self.worker_log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-5:]) or "it said nothing"


def environment() -> dict[str, str]:
    """Ours, without what belongs to another project, and with a git identity of its own."""
    ours = {k: v for k, v in os.environ.items() if not k.startswith(OF_OTHER_PROJECTS)}
    return ours | IDENTITY | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def program(name: str) -> str:
    """The program beside this interpreter, else the one on PATH. Raises: Failed."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise Failed(f"{name} is not installed: see the README")
    return found


def make_repository(project: Project) -> None:
    """A git repository with one commit is a project."""
    heading("A repository")
    project.root.mkdir()
    project.run("git", "init", "-q", "-b", "main")
    (project.root / "README.md").write_text("# Search\n", encoding="utf-8")
    project.run("git", "add", "README.md")
    project.run("git", "commit", "-q", "-m", "Begin")
    project.run("spec-kitty", "init")


def make_mission(project: Project) -> None:
    """Three work packages wait; the third depends on the other two."""
    heading("A mission with three work packages")
    add = ("spec-kitty", "tasks", "add", MISSION)
    project.run("spec-kitty", "mission", "create", "Full-text search")
    project.run(*add, "Index", "--owns", "index.py", "--prompt", "Write index.py")
    project.run(*add, "Query", "--owns", "query.py", "--prompt", "Write query.py")
    after = ("--depends-on", "WP01", "--depends-on", "WP02")
    project.run(*add, "Search", "--owns", "search.py", *after, "--prompt", "Write search.py")
    project.run("spec-kitty", "tasks", "finalize", MISSION)
    project.run("git", "add", "kitty-specs")
    project.run("git", "commit", "-q", "-m", "Plan the search")


def drive(project: Project) -> None:
    """The orchestrator, a process of its own, has driven the mission to merged. Raises: Failed."""
    heading("An orchestrator that sees two folders")
    mailbox = project.root / ".kitty"
    orchestrator = [sys.executable, str(HERE / "file_orchestrator.py")]
    with project.worker():
        say(f"$ file_orchestrator.py .kitty/inbox .kitty/outbox {MISSION}")
        try:
            subprocess.run(
                [*orchestrator, str(mailbox / "inbox"), str(mailbox / "outbox"), MISSION],
                env=project.environment,
                timeout=ORCHESTRATOR_TIMEOUT_S,
                check=True,
            )
        except subprocess.SubprocessError as error:
            raise Failed(f"the orchestrator: {error}") from error


def show_outcome(project: Project) -> None:
    """The board, the history, the journal and the merged program were shown. Raises: Failed."""
    heading("What has become of it")
    project.run("spec-kitty", "status", MISSION)
    project.run("git", "log", "--graph", "--oneline")
    show_journal(project.root / ".kitty" / "outbox" / "journal.jsonl")
    project.run("spec-kitty", "mailbox", "verify")
    say("\nAnd the program that was built, on main:")
    project.run("python3", "-B", "search.py")


def show_journal(path: Path) -> None:
    """Who did what: a line for each answer in the journal that was no mere look."""
    say("\nThe journal, without the questions that changed nothing:")
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["door"] == "cli" or line["event_ids"] or line["commits"]:
            say(journal_line(line))


def journal_line(line: dict[str, Any]) -> str:
    """One line of the journal in words: number, door, who, what, outcome."""
    data = line["envelope"]["data"]
    who = line["actor"] or line["identity"]
    what = line["command"].partition(".")[2]
    outcome = line["envelope"]["error_code"] or "done"
    if "to_lane" in data:
        outcome = f"{data['from_lane']} -> {data['to_lane']}"
    package = data.get("wp_id", "")
    return f"{line['seq']:>4}  {line['door']:8} {who:20} {what:21} {package:5} {outcome}"


def heading(text: str) -> None:
    """A new part begins."""
    say(f"\n== {text}")


def main() -> int:
    """0 when the mission was merged; else 1, and what was wrong was said."""
    parser = argparse.ArgumentParser(description="A mission, driven through files alone.")
    parser.add_argument("--keep", action="store_true", help="keep the scratch repository")
    keep = parser.parse_args().keep
    scratch = Path(tempfile.mkdtemp(prefix="spec-kitty-quickstart-"))
    project = Project(scratch.resolve() / "search")
    try:
        make_repository(project)
        make_mission(project)
        drive(project)
        show_outcome(project)
    except (Failed, OSError) as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    finally:
        if not keep:
            shutil.rmtree(scratch, ignore_errors=True)
    say(f"\nDone. The repository is in {project.root}" if keep else "\nDone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
