"""A project with a hostile agent in a sandbox, and what the host does with its workspace."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.intake.attacks import SECRET
from tests.integration.intake.workspaces import commit, git
from tests.integration.sandbox.bubblewrap import EXAMPLES, ROOT
from tests.integration.stage import APPROVED, SOURCE, Stage
from tests.patience import LONGEST_S

SLUG = "demo"
OTHER = "other"
DEADLINE_S = 3
"""Timeout of each git that the host starts."""

CONFIG = f"""\
git_timeout_s = {DEADLINE_S}
[orchestrators.nightly]
commands = ["all"]
"""
PACKAGES = {
    "WP01": {"owned_files": ["**"]},
    "WP02": {"owned_files": ["**"]},
}
PROGRAMS = [
    *(it for path in (sys.base_prefix, sys.prefix) for it in ("--ro-bind", path, path)),
    *(it for path in map(str, (SOURCE, ROOT / "tests")) for it in ("--ro-bind", path, path)),
    *("--setenv", "PYTHONPATH", f"{SOURCE}:{ROOT}", "--setenv", "PYTHONDONTWRITEBYTECODE", "1"),
    *("--setenv", "GIT_CONFIG_COUNT", "0"),
]


@dataclass(kw_only=True)
class World:
    """The project, and beside it files of the user that no agent may touch."""

    root: Path
    said: list[str] = field(default_factory=list)

    @classmethod
    def planned(cls, root: Path) -> World:
        """Make a project in which nothing has started."""
        world = cls(root=root.resolve())
        stage = world.stage
        stage.make_repository()
        stage.commit({"a.txt": "a\n", "docs/b.txt": "b\n"})
        stage.write_mission(PACKAGES, slug=SLUG)
        stage.write_mission({"WP01": {"owned_files": ["other/**"]}}, slug=OTHER)
        stage.git("add", "kitty-specs")
        stage.git("commit", "-q", "-m", "plan")
        (stage.root / ".kitty").mkdir(exist_ok=True)
        (stage.root / ".kitty" / "config.toml").write_text(CONFIG)
        (stage.root / ".kitty" / "config.toml").chmod(0o600)
        git(world.root, "init", "-q", "-b", "main", str(world.victim))
        git(world.victim, "fetch", "-q", str(stage.root), "main")
        git(world.victim, "reset", "-q", "--hard", "FETCH_HEAD")
        commit(world.victim, {"secret.txt": SECRET})
        world.secret.write_text(SECRET)
        world.box.mkdir()
        return world

    def copy(self, root: Path) -> World:
        """A copy in another folder, where the agent has started and committed."""
        shutil.copytree(self.root, root, symlinks=True)
        world = World(root=root.resolve())
        git(world.stage.root, "update-index", "-q", "--refresh")
        world.stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
        world.inside(
            "echo packed >packed.txt; git add .; git commit -q -m one; git repack -q -a -d;"
            "echo loose >loose.txt; git add .; git commit -q -m two"
        )
        return world

    @property
    def stage(self) -> Stage:
        return Stage(root=self.root / "project")

    @property
    def victim(self) -> Path:
        """Another repository of the user."""
        return self.root / "victim"

    @property
    def box(self) -> Path:
        """A mailbox without a worker, for sandboxes that need one."""
        return self.root / "box"

    @property
    def secret(self) -> Path:
        return self.root / "secret"

    @property
    def tripwire(self) -> Path:
        """The file that the agent's program creates if it runs outside the sandbox."""
        return self.root / "tripwire"

    @property
    def workspace(self) -> Path:
        return self.stage.root / ".worktrees" / f"{SLUG}-lane-a"

    @property
    def lane(self) -> str:
        return f"kitty/mission-{SLUG}-lane-a"

    # Actions of the agent.

    def start(self, script: str, *options: str) -> subprocess.Popen[bytes]:
        """Start a script as the agent in the sandbox of the guide."""
        prompt = self.stage.root / "kitty-specs" / SLUG / "tasks" / "WP01-step.md"
        places = ["--workspace", str(self.workspace), "--prompt", str(prompt)]
        words = [str(EXAMPLES / "in-sandbox.sh"), *places, *PROGRAMS, *options, "sh", "-ec", script]
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def inside(self, script: str, *options: str) -> str:
        """Run a script as the agent; it must succeed; return its output."""
        process = self.start(script, *options)
        said, _ = process.communicate(timeout=LONGEST_S)
        assert process.returncode == 0, said
        return os.fsdecode(said)

    def plant(self, place: str, kind: str) -> None:
        """Replace a file of the workspace as the agent."""
        words = [place, kind, str(self.workspace), str(self.root)]
        quoted = " ".join(f"'{word}'" for word in words)
        self.inside(f"{sys.executable} -m tests.integration.sandbox_attacks.plant {quoted}")

    # Actions of the host.

    def ask(self, command: str, **args: Any) -> dict[str, Any]:
        """Send a request; check that the answer comes in time."""
        started = time.monotonic()
        envelope = self.stage.ask(command, mission=args.pop("mission", SLUG), **args)
        # One request may have to end several gits; on a busy machine each takes a while.
        assert time.monotonic() - started < 5 * DEADLINE_S + LONGEST_S / 10, command
        self.said.append(json.dumps(envelope))
        return envelope

    def submit(self) -> str:
        """Submit and approve the work; return "taken" or the reason of the refusal."""
        submitted = self.ask("transition", wp="WP01", actor="coder", to="for_review")
        if not submitted["success"]:
            return _why(submitted)
        self.done("start-review", wp="WP01", actor="reviewer")
        judged = {"to": "approved", "review_result": APPROVED}
        self.done("transition", wp="WP01", actor="reviewer", **judged)
        return "taken"

    def done(self, command: str, **args: Any) -> None:
        """Send a request that must succeed."""
        envelope = self.ask(command, **args)
        assert envelope["success"], envelope

    def cycle(self) -> str:
        """Do everything that a host does with a workspace; return the outcome."""
        with self._another_mission_is_served():
            self.ask("mission-state")
            self.ask("resolve-workspace", wp="WP01")
            outcome = self.submit()
            if outcome != "taken":
                self.ask("start-implementation", wp="WP01", actor="coder")
                self._cancel("WP01")
            begun = self.ask("start-implementation", wp="WP02", actor="coder")
            went_on = "next started" if begun["success"] else f"next not started ({_why(begun)})"
            self._cancel("WP02")
            self.ask("diagnose", mission=None)
            self.ask("accept-mission", actor="coder")
            merged = self.ask("merge-mission", actor="coder")
        end = "merged" if merged["success"] else f"not merged ({_why(merged)})"
        return f"{outcome}, {went_on}, {end}"

    def _cancel(self, wp: str) -> None:
        self.done("transition", wp=wp, actor="coder", to="canceled", note="n")

    @contextmanager
    def _another_mission_is_served(self) -> Iterator[None]:
        """Send requests about another mission meanwhile; check that they are not delayed."""
        slowest, asked, is_over = [0.0], [0], threading.Event()

        def ask() -> None:
            while not (is_over.is_set() and asked[0]):
                started = time.monotonic()
                note = {"wp": "WP01", "actor": "neighbour", "note": "n"}
                envelope = self.stage.ask("append-history", mission=OTHER, **note)
                assert envelope["success"], envelope
                slowest[0] = max(slowest[0], time.monotonic() - started)
                asked[0] += 1
                is_over.wait(0.05)

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join(LONGEST_S)
        assert asked[0]
        assert slowest[0] < DEADLINE_S + LONGEST_S / 20

    # Checks.

    @contextmanager
    def unharmed(self) -> Iterator[None]:
        """Check that the block ran, read and wrote nothing of the agent's outside the workspace."""
        before = self._outside()
        self.said.clear()
        yield
        assert not self.tripwire.exists()
        assert not os.path.lexists(self.root / "planted")
        assert self._outside() == before
        assert SECRET not in "".join(self.said)
        assert not self.stolen()
        assert SECRET not in git(self.stage.root, "log", "-p", "--all")
        odd = [ref for ref in self.refs() if not ref.startswith(self.known_refs())]
        assert odd == []
        assert "kitty" not in git(self.stage.root, "symbolic-ref", "HEAD")
        git(self.stage.root, "fsck", "--strict", "--no-dangling")
        assert self.stage.run("mailbox", "verify").exit_code == 0

    def refs(self) -> list[str]:
        """The project's refs; check that none is symbolic."""
        told = git(self.stage.root, "for-each-ref", "--format=%(refname) %(symref)").splitlines()
        assert all(line.endswith(" ") or " " not in line.strip() for line in told), told
        return [line.split()[0] for line in told]

    def known_refs(self) -> tuple[str, ...]:
        return ("refs/heads/main", "refs/heads/kitty/mission-", "refs/spec-kitty/")

    def stolen(self) -> list[str]:
        """The victim's objects that the project has."""
        theirs = [git(self.victim, "rev-parse", it) for it in ("HEAD", "HEAD:secret.txt")]
        return [it for it in theirs if self.has(it)]

    def has(self, oid: str) -> bool:
        """Whether the project has that object."""
        command = ["git", "-C", str(self.stage.root), "cat-file", "-e", oid]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _outside(self) -> dict[str, object]:
        """The user's files beside the project, and the project's files that git or a shell obeys."""
        own = self.stage.root / ".git"
        watched = [self.victim, own / "hooks", own / "info", self.secret, own / "config"]
        files = [it for top in watched for it in [top, *top.rglob("*")]]
        return {
            str(it): (it.lstat().st_mode, it.read_bytes() if it.is_file() else b"")
            for it in sorted(files)
        } | {"beside": sorted(it.name for it in self.root.iterdir())}


def _why(refused: dict[str, Any]) -> str:
    data = refused["data"]
    return str(data.get("reason_code") or data.get("guard") or refused["error_code"])
