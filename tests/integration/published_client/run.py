"""A mission driven by an orchestrator process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.integration.published_client import programs
from tests.integration.published_client.programs import HERE
from tests.integration.stage import POLICY, SLUG, Stage
from tests.patience import LONGEST_S

GLANCE_S = 0.05
DEFAULTS = {"implementation": ["claude-code"], "review": ["claude-code"], "max_retries": 0}

Package = Mapping[str, Any]


@dataclass(kw_only=True)
class Run:
    """A stage, the programs around it in `desk`, and the started clients."""

    stage: Stage
    desk: Path
    bytecode: Path
    clients: list[subprocess.Popen[bytes]] = field(default_factory=list)

    # Given.

    def prepare(self, packages: Mapping[str, Package], **agents: Any) -> None:
        """Commit the mission, and configure the client for two packages at a time."""
        programs.install(self.desk / "bin", ledger=self.ledger)
        self.plan({})
        self.stage.write_mission(packages)
        self.stage.git("add", "--", "kitty-specs")
        self.stage.git("commit", "-q", "-m", "plan the mission")
        settings = "".join(f"{k} = {json.dumps(v)}\n" for k, v in (DEFAULTS | agents).items())
        toml = self.stage.root / ".kittify" / "orchestrator.toml"
        toml.parent.mkdir()
        toml.write_text(f"max_concurrent_wps = 2\n\n[agents]\n{settings}")

    def plan(self, fates: Mapping[str, Sequence[str]]) -> None:
        """Set the outcomes of the agents' calls: see `fake_agent.py`."""
        plan = self.desk / "plan.json"
        plan.write_text(json.dumps({"mission": SLUG, "fates": fates}))

    # When: the orchestrators.

    def orchestrate(self, *, at_once: int = 2) -> int:
        """Run the published client; return its exit code."""
        return self.end_of(self.start_orchestrating(at_once=at_once))

    def resume(self) -> int:
        """Resume the last run of the published client; return its exit code."""
        return self.end_of(self.start("spec-kitty-orchestrator", "resume"))

    def start_orchestrating(self, *, at_once: int = 2) -> subprocess.Popen[bytes]:
        words = ("orchestrate", "--mission", SLUG, "--max-concurrent", str(at_once))
        return self.start("spec-kitty-orchestrator", *words)

    def start_strict_client(self) -> subprocess.Popen[bytes]:
        """Start our own client of the strict generation, which was never published."""
        return self.start(Path(sys.executable).name, str(HERE / "strict_client.py"), SLUG)

    def start(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        """Start a client in a process group of its own; its output goes to `client.log`."""
        with (self.desk / "client.log").open("ab") as log:
            client = subprocess.Popen(
                [str(programs.installed(program)), *words],
                cwd=self.stage.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.clients.append(client)
        return client

    def end_of(self, client: subprocess.Popen[bytes]) -> int:
        return client.wait(timeout=LONGEST_S)

    def kill_when_held(self, client: subprocess.Popen[bytes], names: Sequence[str]) -> None:
        """Kill the client and its agents once each agent call in `names` hangs."""

        def are_held() -> bool:
            return {c["name"] for c in self.agent_calls() if c["fate"] == "hold"} >= set(names)

        self.await_while_alive(client, are_held)
        os.killpg(client.pid, signal.SIGKILL)
        assert client.wait(timeout=LONGEST_S) == -signal.SIGKILL

    def await_while_alive(self, client: subprocess.Popen[bytes], is_so: Callable[[], bool]) -> None:
        for _ in range(int(LONGEST_S / GLANCE_S)):
            if is_so():
                return
            with suppress(subprocess.TimeoutExpired):
                code = client.wait(timeout=GLANCE_S)
                raise AssertionError(f"ended with {code} too early:\n{self.said}")
        raise AssertionError(f"not within {LONGEST_S} s:\n{self.said}")

    def end(self) -> None:
        """End all started clients and their agents."""
        for client in self.clients:
            with suppress(ProcessLookupError):
                os.killpg(client.pid, signal.SIGKILL)
            client.wait()

    # When: a person at our command line.

    def ask(self, command: str, *flags: str, **values: Any) -> dict[str, Any]:
        """Make a call that must succeed and return its data; values other than text are sent as JSON."""
        words = [*flags, "--mission", SLUG]
        for name, value in values.items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += [f"--{name.replace('_', '-')}", text]
        done = subprocess.run(
            ["spec-kitty", "orchestrator-api", command, *words],
            cwd=self.stage.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LONGEST_S,
            check=False,
        )
        envelope = json.loads(done.stdout)
        assert envelope["success"], envelope
        data: dict[str, Any] = envelope["data"]
        return data

    def move(self, wp_id: str, to: str, **values: Any) -> dict[str, Any]:
        """Move the package as a person."""
        return self.ask("transition", wp=wp_id, to=to, actor="person", policy=POLICY, **values)

    def accept_and_merge(self) -> dict[str, Any]:
        """Accept and merge the mission; return the data of the merge."""
        assert self.ask("accept-mission", actor="person")["accepted"]
        return self.ask("merge-mission", actor="person")

    # Then.

    @property
    def environment(self) -> dict[str, str]:
        path = f"{self.desk / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return os.environ | {
            "PATH": path,
            "FAKE_AGENTS": str(self.desk),
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(self.bytecode),
        }

    @property
    def ledger(self) -> Path:
        return self.desk / "host-calls"

    @property
    def host_calls(self) -> int:
        return self.ledger.stat().st_size if self.ledger.exists() else 0

    @property
    def said(self) -> str:
        """The clients' output, shown on failures only."""
        log = self.desk / "client.log"
        return log.read_text(errors="replace")[-4000:] if log.exists() else ""

    def agent_calls(self) -> list[dict[str, Any]]:
        ledger = self.desk / "calls.jsonl"
        text = ledger.read_text() if ledger.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def lanes(self) -> dict[str, str]:
        """Package to status lane."""
        packages = self.ask("mission-state")["work_packages"]
        return {package["wp_id"]: package["lane"] for package in packages}
