"""A real project on a real disk, used by real processes."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import specify_cli
from specify_cli import bootstrap, ids
from specify_cli.orchestrator_api.request import Origin, Request
from tests.patience import LONGEST_S
from tests.records import forget

SOURCE = Path(specify_cli.__file__).parents[1]
SLUG = "001-search"
TIMEOUT_S = LONGEST_S
POLICY = {
    "orchestrator_id": "nightly",
    "orchestrator_version": "1.0.0",
    "agent_family": "none",
    "approval_mode": "supervised",
    "sandbox_mode": "workspace_write",
    "network_mode": "none",
    "dangerous_flags": [],
}
APPROVED = {"reviewer": "reviewer", "verdict": "approved", "reference": "review-1"}
ENVELOPE_KEYS = {
    "contract_version",
    "command",
    "timestamp",
    "correlation_id",
    "success",
    "error_code",
    "data",
}

Process = subprocess.Popen[bytes]


@cache
def _template() -> Path:
    """A folder that lives as long as this process, with the permissions of a test's own folders."""
    folder = tempfile.mkdtemp(prefix="stage-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    made = Path(folder) / "project"
    made.mkdir()
    return made


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Exit code and output of a process that has ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        """The one envelope on stdout; check that there is nothing else."""
        assert self.stdout.endswith(b"\n"), self
        assert self.stdout.count(b"\n") == 1, self
        envelope: dict[str, Any] = json.loads(self.stdout)
        assert set(envelope) == ENVELOPE_KEYS
        return envelope

    @property
    def code(self) -> str | None:
        """The envelope's error code; check that the exit code agrees."""
        code: str | None = self.envelope["error_code"]
        assert self.exit_code == (0 if code is None else 2 if code == "USAGE_ERROR" else 1), self
        return code


@dataclass(kw_only=True)
class Stage:
    """A project in `root`; the processes in `started` are ended with the test."""

    root: Path
    started: list[Process] = field(default_factory=list)

    # Given.

    def git(self, *words: str, folder: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words],
            cwd=folder or self.root,
            check=True,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        return done.stdout.strip()

    def make_repository(self) -> None:
        """Make a repository with one commit, copied from one that is made once per process."""
        template = _template()
        if not (template / ".git").exists():
            made = Stage(root=template)
            made.git("init", "-q", "-b", "main")
            # The first test of a process may disable git's templates; the copies are for all tests.
            (template / ".git" / "info").mkdir(exist_ok=True)
            made.commit({"README.md": "read me\n"})
        shutil.copytree(template, self.root, symlinks=True, dirs_exist_ok=True)
        # The index stores more about files than their timestamps.
        self.git("update-index", "-q", "--refresh")

    def commit(self, files: Mapping[str, str], *, folder: Path | None = None) -> None:
        place = folder or self.root
        for name, text in files.items():
            path = place / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--", *files, folder=place)
        self.git("commit", "-q", "-m", f"change {', '.join(files)}", folder=place)

    def write_mission(
        self, packages: Mapping[str, Mapping[str, Any]], *, slug: str = SLUG, **meta: Any
    ) -> Path:
        """Write the mission's files as an author would; `packages` maps ids to front matter."""
        folder = self.root / "kitty-specs" / slug
        (folder / "tasks").mkdir(parents=True)
        (folder / "meta.json").write_text(
            json.dumps({"mission_slug": slug, "target_branch": "main"} | meta)
        )
        for wp_id, header in packages.items():
            whole = {"work_package_id": wp_id, "title": wp_id, **header}
            text = f"---\n{json.dumps(whole)}\n---\n\n# {wp_id}\n"
            (folder / "tasks" / f"{wp_id}-step.md").write_text(text)
        return folder

    def log(self, slug: str = SLUG) -> Path:
        """The file of the mission's log."""
        return self.root / "kitty-specs" / slug / "status.events.jsonl"

    def put_log(self, text: str, slug: str = SLUG) -> None:
        """Replace the log; the host's record of it is forgotten."""
        forget(self.root)
        self.log(slug).write_text(text)

    def forget_commits(self, slug: str = SLUG) -> None:
        """Make log and repository look like those of an older host that does not record commits."""
        lines = [json.loads(line) for line in self.log(slug).read_text().splitlines()]
        old = ({name: it[name] for name in it if name != "commit"} for it in lines)
        self.put_log("".join(json.dumps(it) + "\n" for it in old), slug)
        for ref in self.git("for-each-ref", "--format=%(refname)", "refs/spec-kitty/").split():
            self.git("update-ref", "-d", ref)

    def begin(self, wp_id: str = "WP01", *, actor: str = "coder", slug: str = SLUG) -> Path:
        """Start the package; return its workspace."""
        begun = self.done("start-implementation", mission=slug, wp=wp_id, actor=actor)
        return Path(begun["workspace_path"])

    def approve(self, wp_id: str, files: Mapping[str, str], *, slug: str = SLUG) -> Path:
        """Take the package to approved, with `files` committed in its workspace."""
        worktree = self.begin(wp_id, slug=slug)
        self.commit(files, folder=worktree)
        ready = {"to": "for_review", "subtasks_complete": True}
        self.done("transition", mission=slug, wp=wp_id, actor="coder", **ready)
        self.done("start-review", mission=slug, wp=wp_id, actor="reviewer")
        passed = {"to": "approved", "review_result": APPROVED}
        self.done("transition", mission=slug, wp=wp_id, actor="reviewer", **passed)
        return worktree

    # When, in this process.

    def ask(
        self,
        command: str,
        *,
        policy: Any = POLICY,
        correlation_id: str | None = None,
        **args: Any,
    ) -> dict[str, Any]:
        """Send a request to the command line's dispatcher in this process; return the envelope."""
        asked = Request(
            command=command,
            args=args,
            policy=policy,
            correlation_id=correlation_id or ids.correlation_id(),
        )
        origin = Origin(door="cli", identity="uid:0")
        return bootstrap.dispatcher(self.root, for_people=True).answer(asked, origin).envelope

    def done(self, command: str, **args: Any) -> dict[str, Any]:
        """Send a request that must succeed; return its data."""
        envelope = self.ask(command, **args)
        assert envelope["success"], (envelope["error_code"], envelope["data"])
        data: dict[str, Any] = envelope["data"]
        return data

    # When, in processes.

    def start(
        self, *words: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, **kw: Any
    ) -> Process:
        """Start a process of the host."""
        process = subprocess.Popen(
            [sys.executable, "-m", "specify_cli", *words],
            cwd=cwd or self.root,
            env=environment() if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **kw,
        )
        self.started.append(process)
        return process

    def run(self, *words: str, **kw: Any) -> Outcome:
        """Run a process of the host to its end."""
        return outcome(self.start(*words, **kw))

    def api(self, *words: str, **kw: Any) -> Outcome:
        """Run a process of the orchestrator API to its end."""
        return self.run("orchestrator-api", *words, **kw)

    def put(
        self,
        stem: str,
        command: str,
        *,
        policy: Any = POLICY,
        not_after: str | None = None,
        **args: Any,
    ) -> None:
        """Put a request into the mailbox as a correct client does."""
        inbox = self.root / ".kitty" / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        body = {
            "contract_version": "1.3.0",
            "correlation_id": stem,
            "command": command,
            "args": args,
            "policy": policy,
            "not_after": not_after,
        }
        temporary = inbox / f".{stem}.tmp"
        temporary.write_text(json.dumps(body))
        temporary.rename(inbox / f"{stem}.json")

    def end(self) -> None:
        """Kill all processes that were started."""
        for process in self.started:
            process.kill()
            process.communicate()

    # Then.

    def events(self, slug: str = SLUG) -> list[dict[str, Any]]:
        path = self.root / "kitty-specs" / slug / "status.events.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def lane(self, wp_id: str, slug: str = SLUG) -> str:
        state = self.done("mission-state", policy=None, mission=slug)
        lanes: dict[str, str] = {p["wp_id"]: p["lane"] for p in state["work_packages"]}
        return lanes[wp_id]

    def journal(self) -> list[dict[str, Any]]:
        """All journal lines, those of rotated parts first."""
        outbox = self.root / ".kitty" / "outbox"
        rotated = sorted(outbox.glob("journal-*.jsonl"), key=lambda path: int(path.stem[8:]))
        parts = [*rotated, outbox / "journal.jsonl"]
        return [json.loads(line) for part in parts for line in part.read_text().splitlines()]

    def replies(self) -> set[str]:
        outbox = self.root / ".kitty" / "outbox"
        return {path.stem for path in outbox.glob("*.json")} - {"worker"}

    def reply(self, stem: str) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(
            (self.root / ".kitty" / "outbox" / f"{stem}.json").read_bytes()
        )
        return envelope


def outcome(process: Process) -> Outcome:
    """Wait for the end of the process and return its outcome."""
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    return Outcome(exit_code=process.returncode, stdout=stdout, stderr=stderr)


def suspend(process: Process) -> None:
    """The process has stopped with all of its threads, and goes on at SIGCONT."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


def environment(**changes: str) -> dict[str, str]:
    """The environment of a process of the host: that of the tests, with the path of the package."""
    inherited = {name: value for name, value in os.environ.items() if name != "SPECIFY_REPO_ROOT"}
    return inherited | {"PYTHONPATH": str(SOURCE)} | changes


def flags(*, mission: str = SLUG, policy: Any = None, **values: str) -> Sequence[str]:
    """Command-line options: `--mission`, `--policy` if given, and the other values."""
    words = ["--mission", mission]
    words += ["--policy", json.dumps(policy)] if policy is not None else []
    for name, value in values.items():
        words += [f"--{name.replace('_', '-')}", value]
    return words


def digest_of_tree(root: Path, *, besides: Sequence[str] = (".kitty",)) -> dict[str, str]:
    """Every file below `root` by path, but for the folders in `besides`.

    Git's objects are left out, one that nothing names is no change of the repository; so are the host's
    folders below `.git`, which stay when they are empty, and how git merges logs, which comes with the record.
    """
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.partition("/")[0] in besides or name.startswith(".git/objects"):
            continue
        # A refused transition has still taken in commits; readers mark their position there.
        if f"{name}/".startswith(".git/spec-kitty/") or name == ".git/info/attributes":
            continue
        if path.is_symlink():
            found[name] = f"link to {path.readlink()}"
        elif path.is_file():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        elif name not in (".git/spec-kitty-scratch", ".git/refs/spec-kitty"):
            found[name] = "folder"
    return found
