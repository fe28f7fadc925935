"""One soak, from an empty folder to its figures."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from specify_cli.storage.layout import Layout
from tests.integration.sandbox import bubblewrap
from tests.integration.sandbox.bubblewrap import CARRIED, CLIENT
from tests.integration.stage import Stage
from tests.patience import LONGEST_S
from tests.soak import place
from tests.soak.checks import Books
from tests.soak.doomed_worker import DoomedWorker
from tests.soak.faults import Faults
from tests.soak.ledger import Ledger
from tests.soak.people import People
from tests.soak.report import report

SOAKER = Path(__file__).with_name("soaker.py")
GLANCE_S = 0.05
PROGRESS_EVERY_S = 10.0

Say = Callable[[str], None]


@dataclass(kw_only=True)
class Soak:
    """Four orchestrators, people at the command line, and an unreliable worker."""

    folder: Path
    seconds: float
    seed: int
    say: Say
    soaked: list[place.Soaked] = field(default_factory=place.four)
    sandboxes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def stage(self) -> Stage:
        """The project of the soak."""
        return Stage(root=self.folder / "project")

    def run(self) -> dict[str, Any]:
        """Run the soak; return the figures with every problem."""
        stage = place.make(self.stage.root, self.soaked)
        chance = random.Random(self.seed)
        faults = Faults(folder=self.folder, root=stage.root, random=chance)
        log = self.folder / "worker.log"
        worker = DoomedWorker(stage=stage, log=log, random=chance, faults=faults)
        people = People(stage=stage, missions=[s.mission for s in self.soaked], random=chance)
        try:
            self.begin(stage, worker)
            self.soak(worker, people)
            code = self.drain(stage, worker, people)
        finally:
            self.end(stage, worker)
        return self.figures(stage, worker, people) | {"exit_code_of_the_last_worker": code}

    def begin(self, stage: Stage, worker: DoomedWorker) -> None:
        """Wait until the worker has created the mailboxes, and start every orchestrator."""
        worker.start()
        inbox, outbox = (stage.root / ".kitty" / name for name in ("inbox", "outbox"))
        wait_until(
            lambda: all((outbox / s.name / "worker.json").exists() for s in self.soaked),
            within_s=LONGEST_S,
            what=f"no mailboxes: {worker.log}",
        )
        for each in self.soaked:
            self.sandboxes.append(self.start(each, inbox / each.name, outbox / each.name))

    def start(self, each: place.Soaked, inbox: Path, outbox: Path) -> subprocess.Popen[bytes]:
        """Start an orchestrator in its own sandbox."""
        told = {
            "name": each.name,
            "seed": self.seed,
            "seconds": self.seconds,
            "mission": each.mission,
            "foreign": each.foreign,
        }
        carried = [part for file in (CLIENT, SOAKER) for part in self.carried(file)]
        words = [*carried, place.python(), "-B", f"{CARRIED}/{SOAKER.name}", json.dumps(told)]
        with (
            self.ledger(each).open("wb") as ledger,
            (self.folder / f"{each.name}.log").open("wb") as log,
        ):
            return subprocess.Popen(
                [*each.before(), str(self.sandbox()), str(inbox), str(outbox), *words],
                stdin=subprocess.DEVNULL,
                stdout=ledger,
                stderr=log,
            )

    def carried(self, file: Path) -> list[str]:
        """Options that bind a copy of the file, readable by all, in the sandbox."""
        copy = self.copy(file)
        return ["--ro-bind", str(copy), f"{CARRIED}/{file.name}"]

    def sandbox(self) -> Path:
        """The script that starts the sandbox, readable by all."""
        return self.copy(bubblewrap.EXAMPLES / "in-sandbox.sh")

    def copy(self, file: Path) -> Path:
        """The file in the folder of this soak."""
        copy = self.folder / file.name
        if not copy.exists():
            if file.is_dir():
                shutil.copytree(file, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(file, copy)
            copy.chmod(0o755)
        return copy

    def ledger(self, each: place.Soaked) -> Path:
        """The file for the orchestrator's report."""
        return self.folder / f"{each.name}.jsonl"

    def soak(self, worker: DoomedWorker, people: People) -> None:
        """Run until the time is up."""
        began = time.monotonic()
        told = began
        while time.monotonic() < began + self.seconds:
            worker.look_after()
            people.look_after()
            if time.monotonic() > told + PROGRESS_EVERY_S:
                told = time.monotonic()
                self.tell(told - began, worker, people)
            time.sleep(GLANCE_S)

    def tell(self, passed_s: float, worker: DoomedWorker, people: People) -> None:
        """Print a line of progress."""
        asked = sum(self.ledger(s).read_bytes().count(b'"kind"') for s in self.soaked)
        seen = sum(self.ledger(s).read_bytes().count(b'"latency_s"') for s in self.soaked)
        self.say(
            f"{passed_s:5.0f} s: {asked} requests, {seen} answers seen, {len(people.answers)} calls,"
            f" {worker.kills} kills, {worker.faults.ordered.total()} faults,"
            f" {worker.deaths} ends of its own, {worker.peak_kib // 1024} MiB"
        )

    def drain(self, stage: Stage, worker: DoomedWorker, people: People) -> int:
        """Wait until every request is answered; stop the worker and return its exit code."""
        worker.spare()
        people.finish()

        def is_drained() -> bool:
            worker.look_after()
            over = all(sandbox.poll() is not None for sandbox in self.sandboxes)
            places = [stage.root / ".kitty" / "inbox", Layout(stage.root).claimed]
            return over and not any(f.is_file() for p in places for f in p.rglob("*"))

        wait_until(is_drained, within_s=LONGEST_S, what="requests are left")
        return worker.stop()

    def end(self, stage: Stage, worker: DoomedWorker) -> None:
        """End all processes that were started."""
        for sandbox in self.sandboxes:
            sandbox.kill()
            sandbox.wait()
        worker.kill()
        stage.end()

    def figures(self, stage: Stage, worker: DoomedWorker, people: People) -> dict[str, Any]:
        """Make the report, with all problems."""
        ledgers = [Ledger(identity=s.name).read(self.ledger(s)) for s in self.soaked]
        books = Books(stage=stage, ledgers=ledgers, people=people.answers).open()
        ended = [f"{s.name} ended with {p.returncode}" for s, p in self.ends() if p.returncode]
        return {
            "seconds": self.seconds,
            "seed": self.seed,
            **report(ledgers, people.answers),
            "events": len(books.events),
            "kills": worker.kills,
            "ends_of_its_own": worker.deaths,
            "faults_ordered": dict(worker.faults.ordered.most_common()),
            "faults_that_struck": worker.faults.struck,
            "peak_memory_mib": round(worker.peak_kib / 1024, 1),
            "problems": [*ended, *books.problems()],
        }

    def ends(self) -> list[tuple[place.Soaked, subprocess.Popen[bytes]]]:
        """Each orchestrator with its sandbox."""
        return [*zip(self.soaked, self.sandboxes, strict=True)]


def wait_until(is_so: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Wait until the condition is true. Raises: TimeoutError."""
    deadline = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within_s:g} s: {what}")
        time.sleep(GLANCE_S)
