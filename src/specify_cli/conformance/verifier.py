"""A host is held to the golden cases and to the rules of its doors, as far as it can be asked."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from specify_cli.conformance import command_line_rules, hostile_rules, mailbox_rules, programs
from specify_cli.conformance.case_runner import Play
from specify_cli.conformance.cases import Case, all_cases
from specify_cli.conformance.checks import NOT_ASKED, Check, Result, judged, result_of
from specify_cli.conformance.command_line import BROKEN_HANDLERS, Bench, CommandLine, note
from specify_cli.conformance.findings import Nonconformity, demand
from specify_cli.conformance.mailbox_under_test import Mailbox
from specify_cli.conformance.project_files import faults_in
from specify_cli.conformance.requests import Ask, fresh_id
from specify_cli.conformance.scratch_projects import Scratch
from specify_cli.errors import UsageError

SECTION = "fixtures/README.md"
SERVED = "scratch-project"
Progress = Callable[[Result], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What is asked: a command line, a mailbox, or both of one host."""

    capabilities: frozenset[str]
    folder: Path
    scratch: Scratch
    command_line: CommandLine | None = None
    mailbox: Mailbox | None = None
    agent: Sequence[str] | None = None
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def can(self) -> frozenset[str]:
        """What was declared and what was found out."""
        found = {
            "cli": self.command_line is not None,
            "mailbox": self.mailbox is not None,
            "scratch-project": self.mailbox is not None and self.mailbox.scratch is not None,
            "restart": self.mailbox is not None and self.mailbox.start is not None,
            "agent-words": self.agent is not None,
        }
        return self.capabilities | {name for name, is_so in found.items() if is_so}

    def mark(self, folder: Path, words: list[str]) -> programs.Completed:
        """How the words behind `agent` ended."""
        return programs.run([*(self.agent or ()), *words], folder=folder)


def checks() -> list[Check]:
    """Everything that a host can be asked."""
    return [
        *command_line_rules.RULES.checks,
        *mailbox_rules.RULES.checks,
        *hostile_rules.RULES.checks,
        *BOTH,
        *(check_of(case, door) for case in all_cases() for door in case.doors),
    ]


def check_of(case: Case, door: str) -> Check:
    """The check that plays the golden case at the door."""
    needs = {door, *case.requires}
    needs |= {"agent-words"} if any("mark_subtasks" in step for step in case.before) else set()
    needs |= {SERVED} if door == "mailbox" else set()
    if door == "mailbox" and case.requires:
        needs.add("restart")
    return Check(
        name=f"fixtures.{door}.{case.name}",
        meaning=case.title.rstrip("."),
        section=SECTION,
        requires=frozenset(needs),
        judge=partial(_play_at_command_line if door == "cli" else _play_at_mailbox, case),
    )


def verify(host: Host, only: Sequence[str], *, jobs: int, progress: Progress) -> list[Result]:
    """A result for each check whose name fits one of the patterns, in their order.

    Raises:
        UsageError: nothing fits, or the host cannot be asked anything.
    """
    chosen = [check for check in checks() if _fits(check.name, only)]
    if not chosen:
        raise UsageError(f"no check is called {' or '.join(only)}: --list shows them all")
    asked = [check for check in chosen if check.requires <= host.can]
    _try(host, asked)
    with ThreadPoolExecutor(jobs) as pool:
        lanes = list(pool.map(partial(_run, host, progress), _side_by_side(asked)))
    found = {result.name: result for lane in lanes for result in lane}
    return [found.get(check.name) or _not_asked(check, host) for check in chosen]


def _fits(name: str, only: Sequence[str]) -> bool:
    return not only or any(fnmatch.fnmatchcase(name, pattern) for pattern in only)


def _not_asked(check: Check, host: Host) -> Result:
    missing = ", ".join(sorted(check.requires - host.can))
    return result_of(check, NOT_ASKED, f"without {missing}")


def _side_by_side(asked: Sequence[Check]) -> Iterator[list[Check]]:
    """What one thread does: all that needs the one mailbox, and each of the others."""
    yield [check for check in asked if "mailbox" in check.requires]
    yield from ([check] for check in asked if "mailbox" not in check.requires)


def _run(host: Host, progress: Progress, lane: list[Check]) -> list[Result]:
    results = []
    for check in lane:
        _make_ready(host, check)
        result = judged(check, bench_of(host, check))
        progress(result)
        results.append(result)
    return results


def _make_ready(host: Host, check: Check) -> None:
    """A worker runs for the check; where it cannot be started the check finds that out."""
    if host.mailbox is not None and check.name.startswith(("mailbox.", "doors.")):
        with contextlib.suppress(Nonconformity, OSError):
            host.mailbox.serve_again()


def bench_of(host: Host, check: Check) -> Any:
    """What the check is judged on."""
    if check.name.startswith(("fixtures.", "doors.")):
        return host
    if "mailbox" in check.requires:
        return host.mailbox
    if host.command_line is None:
        raise UsageError("no command line")
    return Bench(host.command_line, host.scratch, host.folder, host.numbers)


def _try(host: Host, asked: Sequence[Check]) -> None:
    """The programs can be started at all.

    Raises:
        UsageError: they cannot, so that nothing can be said.
    """
    try:
        if host.command_line is not None and any("cli" in check.requires for check in asked):
            host.command_line.say(host.folder, ["contract-version"])
        if host.mailbox is not None and host.mailbox.start is None:
            host.mailbox.probe()
    except OSError as error:
        raise UsageError(f"the host cannot be asked: {error}") from error
    except Nonconformity as error:
        raise UsageError(f"no host answers: {error}") from error


# The golden cases.


def _play_at_command_line(case: Case, host: Host) -> None:
    door = host.command_line
    demand(door is not None, "no command line")
    if door is not None:
        root = host.scratch.project(case.project, host.folder / f"case-{next(host.numbers)}")
        broken = replace(door, changes=door.changes | BROKEN_HANDLERS)
        played = Play(root=root, door=door, agent=host.mark, broken=broken)
        played.prepare(case.before)
        played.answer(case)
        _judge_files(root, host)


def _play_at_mailbox(case: Case, host: Host) -> None:
    box = host.mailbox
    demand(box is not None, "no mailbox")
    if box is not None:
        run = fresh_id().removeprefix("test-")[:12]
        renamed = partial(_renamed, run)
        root = box.reset(case.project)
        played = Play(root=root, door=box, agent=host.mark, renamed=renamed, broken=box)
        with (_worker_of_its_own if case.requires else _everybodys)(box, played, case):
            played.answer(case)
            _judge_files(root, host)


@contextlib.contextmanager
def _everybodys(box: Mailbox, played: Play, case: Case) -> Iterator[None]:
    box.serve_again()
    played.prepare(case.before)
    yield


@contextlib.contextmanager
def _worker_of_its_own(box: Mailbox, played: Play, case: Case) -> Iterator[None]:
    """A mailbox that is prepared before its worker starts, and thrown away with what it was told.

    Everybody's worker starts again when the next check needs it: often that has its own, too.
    """
    box.stop()
    shutil.rmtree(box.kitty, ignore_errors=True)
    played.prepare(case.before)
    try:
        box.serve(BROKEN_HANDLERS if "fault-injection" in case.requires else None)
        yield
    finally:
        box.stop()
        shutil.rmtree(box.kitty)


def _renamed(run: str, ask: Ask) -> Ask:
    """The request under an id of this run: cases share a journal here, which forgets no id."""
    if ask.raw is not None or ask.correlation_id.startswith("test-"):
        return ask
    return ask.with_id(f"{ask.correlation_id[:100]}-{run}")


def _judge_files(root: Path, host: Host) -> None:
    if "journal" in host.can:
        wrong = faults_in(root)
        demand(not wrong, "; ".join(wrong[:3]))


# Both doors of one host.


def _same_id_at_both_doors(host: Host) -> None:
    """A request that was answered at one door has the same answer at the other, and one effect."""
    box, door = host.mailbox, host.command_line
    demand(box is not None and door is not None, "one door is missing")
    if box is not None and door is not None:
        root, ask = box.reset("single"), note()
        first = door.send(root, ask).raw
        second = box.send(root, ask).raw
        demand(first == second, f"{first!r} at the command line, {second!r} in the mailbox")
        other = note("the other way round")
        demand(box.send(root, other).raw == door.send(root, other).raw, "two answers to one id")


BOTH = [
    Check(
        name="doors.same-id-one-answer",
        meaning="A request has the same answer at either door, whichever was used first",
        section="orchestrator-api.md, Idempotency and finality",
        requires=frozenset({"cli", "mailbox", SERVED}),
        judge=_same_id_at_both_doors,
    )
]
