"""`spec-kitty doctor --sandbox DIR`: check the sandbox that it runs in.

It uses only the standard library, and nothing of the project: a sandbox may have neither.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from specify_cli import errors, ids
from specify_cli.cli import sandbox_checks
from specify_cli.cli.sandbox_checks import NO, Finding
from specify_cli.mailbox.printable import printable
from specify_cli.orchestrator_api import envelope

NAME = "spec-kitty.doctor"
CAN_WORK, CANNOT_WORK, WRONG_USE = 0, 1, 2


def run(words: Sequence[str]) -> int | None:
    """Print the report for the arguments after `doctor`, and return the exit code.

    Return None if click must parse the arguments.
    """
    others = [word for word in words if word != "--json"]
    if len(others) == 1 and others[0].startswith("--sandbox="):
        others = ["--sandbox", others[0].partition("=")[2]]
    is_plain = len(others) == 2 and others[0] == "--sandbox" and not others[1].startswith("-")
    if not is_plain or words.count("--json") > 1:
        return None
    return report(others[1], as_json="--json" in words)


def report(text: str, *, as_json: bool) -> int:
    """Print the report on DIR, INBOX:OUTBOX or a workspace, and return the exit code."""
    try:
        findings = sandbox_checks.all_of(text)
    except errors.UsageError as error:
        if as_json:
            _print(envelope.refused(NAME, ids.correlation_id(), error))
        else:
            print(printable(error.message), file=sys.stderr)
        return WRONG_USE
    can_work = all(finding.verdict != NO for finding in findings)
    if as_json:
        checks = [finding.as_json() for finding in findings]
        data = {"sandbox": text, "can_work": can_work, "checks": checks}
        _print(envelope.succeeded(NAME, ids.correlation_id(), data))
    else:
        print("\n".join(_lines(findings)))
        is_agent = sandbox_checks.is_workspace(text)
        print(_verdict(can_work=can_work, is_agent=is_agent), file=sys.stderr)
    return CAN_WORK if can_work else CANNOT_WORK


def _print(answered: envelope.Envelope) -> None:
    sys.stdout.buffer.write(envelope.encode(answered))


def _verdict(*, can_work: bool, is_agent: bool) -> str:
    if is_agent:
        good, bad = "an agent can work here", "an agent cannot work here, or can change the host"
        return good if can_work else bad
    bad = "requests cannot be sent from here, or programs here can change the host"
    return "requests can be sent from here" if can_work else bad


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        yield f"{finding.verdict:<4} {finding.check}: {printable(finding.what)}"
        if finding.repair:
            yield f"     -> {printable(finding.repair)}"
