"""Runs the golden cases and the protocol rules against a host."""

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
from specify_cli.conformance.case_runner import CaseRunner
from specify_cli.conformance.cases import Case, all_cases
from specify_cli.conformance.checks import NOT_ASKED, Check, Result, make_result, run_check
from specify_cli.conformance.command_line import (
    BROKEN_HANDLERS,
    CommandLine,
    CommandLineContext,
    note_request,
)
from specify_cli.conformance.findings import Nonconformity, demand
from specify_cli.conformance.mailbox_under_test import Mailbox
from specify_cli.conformance.project_files import project_errors
from specify_cli.conformance.requests import Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects
from specify_cli.errors import UsageError

SECTION = "fixtures/README.md"
SCRATCH_PROJECT = "scratch-project"
Progress = Callable[[Result], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A host under test: its command line, its mailbox, or both."""

    capabilities: frozenset[str]
    folder: Path
    scratch: ScratchProjects
    command_line: CommandLine | None = None
    mailbox: Mailbox | None = None
    agent: Sequence[str] | None = None
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    @property
    def available(self) -> frozenset[str]:
        """The declared and the detected capabilities."""
        found = {
            "cli": self.command_line is not None,
            "mailbox": self.mailbox is not None,
            "scratch-project": self.mailbox is not None and self.mailbox.scratch is not None,
            "restart": self.mailbox is not None and self.mailbox.start is not None,
            "agent-commands": self.agent is not None,
        }
        return self.capabilities | {name for name, is_so in found.items() if is_so}

    def run_agent(self, folder: Path, argv: list[str]) -> programs.Completed:
        """Run the agent command line with these arguments in the folder."""
        return programs.run([*(self.agent or ()), *argv], folder=folder)


def checks() -> list[Check]:
    """Return all checks for hosts."""
    return [
        *command_line_rules.RULES.checks,
        *mailbox_rules.RULES.checks,
        *hostile_rules.RULES.checks,
        *CROSS_INTERFACE_RULES,
        *(case_check(case, interface) for case in all_cases() for interface in case.interfaces),
    ]


def case_check(case: Case, interface: str) -> Check:
    """Return the check that runs the golden case at the interface."""
    needs = {interface, *case.requires}
    needs |= {"agent-commands"} if any("mark_subtasks" in step for step in case.before) else set()
    needs |= {SCRATCH_PROJECT} if interface == "mailbox" else set()
    if interface == "mailbox" and case.requires:
        needs.add("restart")
    return Check(
        name=f"fixtures.{interface}.{case.name}",
        meaning=case.title.rstrip("."),
        section=SECTION,
        requires=frozenset(needs),
        judge=partial(_run_at_command_line if interface == "cli" else _run_at_mailbox, case),
    )


def verify(host: Host, only: Sequence[str], *, jobs: int, progress: Progress) -> list[Result]:
    """Run the checks whose names match one of the patterns; return a result for each.

    Raises:
        UsageError: No check matches, or the host does not answer.
    """
    chosen = [
        check
        for check in checks()
        if not only or any(fnmatch.fnmatchcase(check.name, pattern) for pattern in only)
    ]
    if not chosen:
        raise UsageError(f"--only: no check matches {' or '.join(only)}; --list shows all checks")
    selected = [check for check in chosen if check.requires <= host.available]
    _check_reachable(host, selected)
    # The checks of the mailbox run one after the other, each other check on its own.
    together = [check for check in selected if "mailbox" in check.requires]
    groups = [together, *([check] for check in selected if "mailbox" not in check.requires)]
    with ThreadPoolExecutor(jobs) as pool:
        results = itertools.chain.from_iterable(pool.map(partial(_run, host, progress), groups))
        found = {result.name: result for result in results}
    return [found.get(check.name) or _not_asked(check, host) for check in chosen]


def _not_asked(check: Check, host: Host) -> Result:
    missing = ", ".join(sorted(check.requires - host.available))
    return make_result(check, NOT_ASKED, f"without {missing}")


def _run(host: Host, progress: Progress, group: list[Check]) -> list[Result]:
    results = []
    for check in group:
        if host.mailbox is not None and check.name.startswith(("mailbox.", "doors.")):
            # If the worker cannot be started, the check reports it.
            with contextlib.suppress(Nonconformity, OSError):
                host.mailbox.ensure_served()
        result = run_check(check, context_for(host, check))
        progress(result)
        results.append(result)
    return results


def context_for(host: Host, check: Check) -> Any:
    """Return what the `judge` of the check takes."""
    if check.name.startswith(("fixtures.", "doors.")):
        return host
    if "mailbox" in check.requires:
        return host.mailbox
    if host.command_line is None:
        raise UsageError("no command line")
    return CommandLineContext(host.command_line, host.scratch, host.folder, host.numbers)


def _check_reachable(host: Host, selected: Sequence[Check]) -> None:
    """Check that the host can be started and answers."""
    try:
        if host.command_line is not None and any("cli" in check.requires for check in selected):
            host.command_line.run(host.folder, ["contract-version"])
        if host.mailbox is not None and host.mailbox.start is None:
            host.mailbox.probe()
    except OSError as error:
        raise UsageError(f"the host cannot be started: {error}") from error
    except Nonconformity as error:
        raise UsageError(f"the host does not answer: {error}") from error


def _run_at_command_line(case: Case, host: Host) -> None:
    interface = host.command_line
    demand(interface is not None, "no command line")
    if interface is not None:
        root = host.scratch.project(case.project, host.folder / f"case-{next(host.numbers)}")
        broken = replace(interface, variables=interface.variables | BROKEN_HANDLERS)
        runner = CaseRunner(root=root, interface=interface, agent=host.run_agent, broken=broken)
        runner.prepare(case.before)
        runner.answer(case)
        _judge_files(root, host)


def _run_at_mailbox(case: Case, host: Host) -> None:
    mailbox = host.mailbox
    demand(mailbox is not None, "no mailbox")
    if mailbox is not None:
        run = fresh_id().removeprefix("test-")[:12]
        rename = partial(_with_run_id, run)
        root = mailbox.reset(case.project)
        runner = CaseRunner(
            root=root, interface=mailbox, agent=host.run_agent, rename=rename, broken=mailbox
        )
        with (_own_worker if case.requires else _shared_worker)(mailbox, runner, case):
            runner.answer(case)
            _judge_files(root, host)


@contextlib.contextmanager
def _shared_worker(mailbox: Mailbox, runner: CaseRunner, case: Case) -> Iterator[None]:
    mailbox.ensure_served()
    runner.prepare(case.before)
    yield


@contextlib.contextmanager
def _own_worker(mailbox: Mailbox, runner: CaseRunner, case: Case) -> Iterator[None]:
    """Prepare a mailbox before its worker starts, and delete it afterwards.

    The shared worker starts again when a later check needs it.
    """
    mailbox.stop()
    shutil.rmtree(mailbox.kitty, ignore_errors=True)
    runner.prepare(case.before)
    try:
        mailbox.serve(BROKEN_HANDLERS if "fault-injection" in case.requires else None)
        yield
    finally:
        mailbox.stop()
        shutil.rmtree(mailbox.kitty)


def _with_run_id(run: str, request: Request) -> Request:
    """Return the request under an id of this run, because all cases share one journal."""
    if request.raw is not None or request.correlation_id.startswith("test-"):
        return request
    return request.with_id(f"{request.correlation_id[:100]}-{run}")


def _judge_files(root: Path, host: Host) -> None:
    if "journal" in host.available:
        wrong = project_errors(root)
        demand(not wrong, "; ".join(wrong[:3]))


def _same_id_at_both_doors(host: Host) -> None:
    """A request gets the same answer at both interfaces."""
    mailbox, interface = host.mailbox, host.command_line
    demand(mailbox is not None and interface is not None, "the check needs --host and a mailbox")
    if mailbox is not None and interface is not None:
        root, request = mailbox.reset("single"), note_request()
        first = interface.send(root, request).raw
        second = mailbox.send(root, request).raw
        demand(first == second, f"{first!r} at the command line, {second!r} in the mailbox")
        other = note_request("mailbox first")
        demand(
            mailbox.send(root, other).raw == interface.send(root, other).raw,
            "the mailbox and then the command line answer one id differently",
        )


CROSS_INTERFACE_RULES = [
    Check(
        name="doors.same-id-one-answer",
        meaning="A request has the same answer at both interfaces, whichever was used first",
        section="orchestrator-api.md, Idempotency and finality",
        requires=frozenset({"cli", "mailbox", SCRATCH_PROJECT}),
        judge=_same_id_at_both_doors,
    )
]
