"""Run a whole mission in a scratch repository, driven through files only. Standard library only.

    quickstart.py [--keep]

It acts as the operator: it creates a repository and a mission with three work packages, and starts the
host's worker and `file_orchestrator.py`, which gets two folders and the name of the mission. Then it
shows the result. `--keep` keeps the repository.
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
FOREIGN_VARIABLES = ("GIT_", "SPECIFY_", "SPEC_KITTY_")
WORKER_TIMEOUT_S = 30
ORCHESTRATOR_TIMEOUT_S = 300

# Flushed, so that this output and that of the commands are in order.
say = partial(print, flush=True)


class Failed(Exception):
    """The quickstart cannot continue; the message says why."""


class Project:
    """The scratch repository, and the programs that run in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environment = environment()
        self.worker_log = root.parent / "worker.log"

    def run(self, *arguments: str) -> None:
        """Print and run the command.

        Raises:
            Failed: The command failed.
        """
        say(f"$ {shlex.join(arguments)}")
        try:
            subprocess.run(
                [program(arguments[0]), *arguments[1:]],
                cwd=self.root,
                env=self.environment,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError) as error:
            raise Failed(f"{shlex.join(arguments)}: {error}") from error

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Run a worker during the block.

        Raises:
            Failed: The worker does not start, or does not end well.
        """
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
            raise Failed(f"the worker ended with exit code {code}: {self._log_tail()}")

    def _wait_for(self, worker: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + WORKER_TIMEOUT_S
        while not (self.root / ".kitty/outbox/worker.json").exists():
            if worker.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the worker does not start: {self._log_tail()}")
            time.sleep(0.02)

    def _log_tail(self) -> str:
        lines = self.worker_log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-5:]) or "its log is empty"


def environment() -> dict[str, str]:
    """Return the environment without variables of other projects, and with a git identity."""
    own = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN_VARIABLES)}
    return own | IDENTITY | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


def program(name: str) -> str:
    """Return the program beside this interpreter, else the one on PATH.

    Raises:
        Failed: There is no such program.
    """
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise Failed(f"{name} is not installed: see the README")
    return found


def create_repository(project: Project) -> None:
    """Create a project: a git repository with one commit."""
    heading("A repository")
    project.root.mkdir()
    project.run("git", "init", "-q", "-b", "main")
    (project.root / "README.md").write_text("# Search\n", encoding="utf-8")
    project.run("git", "add", "README.md")
    project.run("git", "commit", "-q", "-m", "Begin")
    project.run("spec-kitty", "init")


def create_mission(project: Project) -> None:
    """Create a mission with three work packages; the third depends on the other two."""
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
    """Run the orchestrator, in a process of its own, until the mission is merged.

    Raises:
        Failed: The orchestrator failed.
    """
    heading("An orchestrator with access to two folders only")
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
    """Show the board, the history, the journal and the merged program."""
    heading("The result")
    project.run("spec-kitty", "status", MISSION)
    project.run("git", "log", "--graph", "--oneline")
    show_journal(project.root / ".kitty" / "outbox" / "journal.jsonl")
    project.run("spec-kitty", "mailbox", "verify")
    say("\nThe program that was built, on main:")
    project.run("python3", "-B", "search.py")


def show_journal(path: Path) -> None:
    """Print a line for each journal entry that changed something."""
    say("\nThe journal, without read requests:")
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["door"] == "cli" or line["event_ids"] or line["commits"]:
            say(journal_line(line))


def journal_line(line: dict[str, Any]) -> str:
    """Format a journal line: number, interface, actor, command, package and outcome."""
    data = line["envelope"]["data"]
    who = line["actor"] or line["identity"]
    what = line["command"].partition(".")[2]
    outcome = line["envelope"]["error_code"] or "done"
    if "to_lane" in data:
        outcome = f"{data['from_lane']} -> {data['to_lane']}"
    package = data.get("wp_id", "")
    return f"{line['seq']:>4}  {line['door']:8} {who:20} {what:21} {package:5} {outcome}"


def heading(text: str) -> None:
    """Print the heading of a part."""
    say(f"\n== {text}")


def main() -> int:
    """Return 0 when the mission is merged, else 1."""
    parser = argparse.ArgumentParser(description="Run a mission through files only.")
    parser.add_argument("--keep", action="store_true", help="keep the scratch repository")
    keep = parser.parse_args().keep
    scratch = Path(tempfile.mkdtemp(prefix="spec-kitty-quickstart-"))
    project = Project(scratch.resolve() / "search")
    try:
        create_repository(project)
        create_mission(project)
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
