"""Many faults, injected one after the other by several jobs."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
import traceback
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.faults import circumstances, shim
from tests.faults.circumstances import ROUNDS
from tests.faults.hosts import ForkServer
from tests.faults.kinds import KINDS
from tests.faults.place import Place
from tests.faults.points import Struck
from tests.faults.power import PowerLoss
from tests.faults.scenarios import BY_NAME
from tests.faults.shim import Call
from tests.faults.state import State

CHUNK = 10
POWER_LOSS = "power-loss"
ALL_KINDS = (*KINDS, POWER_LOSS, *ROUNDS)
ISOLATION = {
    "GIT_AUTHOR_NAME": "Author",
    "GIT_AUTHOR_EMAIL": "author@localhost",
    "GIT_COMMITTER_NAME": "Committer",
    "GIT_COMMITTER_EMAIL": "committer@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TEMPLATE_DIR": "",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The selected faults."""

    seed: int = 0
    kinds: Sequence[str] = ALL_KINDS
    scenarios: Sequence[str] = tuple(BY_NAME)
    doors: Sequence[str] = ("mailbox", "cli")
    every: int = 1
    limit: int | None = None
    at: int | None = None
    without_memory: bool = False


@dataclass(frozen=True, kw_only=True)
class Task:
    """Some faults of one kind."""

    scenario: str
    door: str
    kind: str
    seed: int
    points: tuple[int, ...]
    without_memory: bool = False


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A fault that broke a promise, and how to repeat it."""

    scenario: str
    door: str
    kind: str
    at: int
    seed: int = 0
    problems: list[str] = field(default_factory=list)
    without_memory: bool = False

    @property
    def again(self) -> str:
        """The command line that repeats exactly this."""
        return (
            f"python -m tests.faults --commands {self.scenario} --doors {self.door}"
            f" --kinds {self.kind} --at {self.at} --seed {self.seed}"
            f"{' --without-memory' if self.without_memory else ''}"
        )


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a task."""

    task: Task
    refused: int
    missed: int
    failures: list[Failure]
    seconds: float


class Ground:
    """The folder in which one job injects its faults."""

    def __init__(self, folder: Path, library: Path, *, without_memory: bool = False) -> None:
        self._folder = folder
        self._server = ForkServer(folder, library, without_memory=without_memory)

    @cache  # noqa: B019  one for each process, as long as it lives
    def ready(self, scenario: str, door: str) -> tuple[Place, State, list[Call]]:
        """The place of a scenario, and its outcome without a fault."""
        place = Place(
            self._folder / f"{scenario.replace('/', '-')}-{door}",
            self._server,
            BY_NAME[scenario],
            door=door,
        )
        return (place, *place.golden())

    def strike(self, task: Task) -> Result:
        """Inject the faults of the task."""
        started = time.monotonic()
        place, golden, _ = self.ready(task.scenario, task.door)
        refused, missed, failures = 0, 0, []
        for at in task.points:
            struck = Struck(place, golden)
            try:
                problems = self._problems(struck, task, at)
            except Exception:  # noqa: BLE001  a check that fails is a fault that was found
                problems = [traceback.format_exc()]
            refused += struck.was_refused
            missed += struck.was_missed
            if problems:
                failures.append(
                    Failure(
                        scenario=task.scenario,
                        door=task.door,
                        kind=task.kind,
                        at=at,
                        seed=task.seed,
                        problems=problems,
                        without_memory=task.without_memory,
                    )
                )
        return Result(
            task=task,
            refused=refused,
            missed=missed,
            failures=failures,
            seconds=time.monotonic() - started,
        )

    def _problems(self, struck: Struck, task: Task, at: int) -> list[str]:
        if task.kind == POWER_LOSS:
            return self.power_loss(task.scenario, task.door).problems(task.seed, at)
        if task.kind in ROUNDS:
            place, *_ = self.ready(task.scenario, task.door)
            return circumstances.problems(place, task.kind, task.seed + at)
        return struck.problems(KINDS[task.kind].orders(at))

    @cache  # noqa: B019  as above
    def power_loss(self, scenario: str, door: str) -> PowerLoss:
        """What a power loss can leave of the scenario."""
        place, golden, _ = self.ready(scenario, door)
        return PowerLoss(place, golden)

    def points(self, scenario: str, door: str, kind: str) -> list[int]:
        """All faults that can be injected."""
        _, _, calls = self.ready(scenario, door)
        if kind == POWER_LOSS:
            count = self.power_loss(scenario, door).count() if calls else 0
            return list(range(1, count + 1))
        if kind in ROUNDS:
            is_here = (scenario, door) == (circumstances.SCENARIO, circumstances.DOOR)
            return list(range(1, circumstances.HOW_OFTEN + 1)) if is_here else []
        return KINDS[kind].points(calls)

    def close(self) -> None:
        """End the fork server."""
        self._server.close()


def tasks(ground: Ground, choice: Choice) -> Iterator[Task]:
    """Every selected fault, in small tasks; the same for the same seed."""
    chance = random.Random(choice.seed)
    for scenario in choice.scenarios:
        for door in choice.doors:
            for name in choice.kinds:
                found = ground.points(scenario, door, name)
                points = _chosen(found, choice, chance)
                for first in range(0, len(points), CHUNK):
                    yield Task(
                        scenario=scenario,
                        door=door,
                        kind=name,
                        seed=choice.seed,
                        points=tuple(points[first : first + CHUNK]),
                        without_memory=choice.without_memory,
                    )


def _chosen(points: list[int], choice: Choice, chance: random.Random) -> list[int]:
    if choice.at is not None:
        return [choice.at] if choice.at in points else []
    if choice.every > 1 and points:
        points = points[chance.randrange(min(choice.every, len(points))) :: choice.every]
    if choice.limit is not None and len(points) > choice.limit:
        points = sorted(chance.sample(points, choice.limit))
    return points


def run(folder: Path, choice: Choice, *, jobs: int = 1) -> Generator[Result]:
    """The results of all tasks, in the order of completion; when it is closed, the jobs end."""
    os.environ.update(ISOLATION)
    library = shim.build(folder)
    ground = Ground(folder / "planning", library, without_memory=choice.without_memory)
    planned = tasks(ground, choice)
    try:
        if jobs == 1:
            yield from map(ground.strike, planned)
        else:
            context = multiprocessing.get_context("spawn")
            with context.Pool(jobs, _begin, (folder, library, choice.without_memory)) as pool:
                yield from pool.imap_unordered(_strike, planned)
    finally:
        ground.close()


_own: dict[str, Ground] = {}


def _begin(folder: Path, library: Path, without_memory: bool) -> None:
    # Ctrl-C is for the process that has the results: it ends this one.
    os.setsid()
    os.environ.update(ISOLATION)
    _own["ground"] = Ground(folder / f"job-{os.getpid()}", library, without_memory=without_memory)


def _strike(task: Task) -> Result:
    return _own["ground"].strike(task)
