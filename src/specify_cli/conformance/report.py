"""Reports of results as text, JSON and JUnit XML, and the list of expected failures."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from xml.etree import ElementTree as ET

from specify_cli.conformance.checks import (
    EXPECTED,
    FAILED,
    NOT_ASKED,
    NOT_SEEN,
    PASSED,
    UNEXPECTED,
    Result,
)
from specify_cli.errors import UsageError

# Characters that XML 1.0 cannot hold or that control a terminal.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


def expected_names(text: str, known: Iterable[str]) -> frozenset[str]:
    """Parse a list of expected failures and return its names.

    Raises:
        UsageError: The list has a name that is not the name of a check.
    """
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    names = frozenset(line for line in lines if line)
    unknown = sorted(names - set(known))
    if unknown:
        raise UsageError(
            f"expected failures: unknown checks: {', '.join(unknown)}; --list shows all names"
        )
    return names


def apply_expected_failures(results: Iterable[Result], expected: frozenset[str]) -> list[Result]:
    """Mark listed failures as expected and listed passes as unexpected."""
    statuses = {FAILED: EXPECTED, PASSED: UNEXPECTED}
    return [
        replace(
            found,
            status=statuses.get(found.status, found.status),
            detail="it is listed as a failure" if found.status == PASSED else found.detail,
        )
        if found.name in expected
        else found
        for found in results
    ]


def is_judged(results: Iterable[Result]) -> bool:
    """Whether at least one check was run and had something to look at."""
    return any(found.status not in {NOT_ASKED, NOT_SEEN} for found in results)


def conforms(results: Sequence[Result]) -> bool:
    """Whether at least one check was judged and none failed."""
    return is_judged(results) and all(found.conforms for found in results)


def as_json(results: Sequence[Result]) -> str:
    """Render the results as one JSON object."""
    whole = {
        "conforms": conforms(results),
        "summary": dict(Counter(found.status for found in results)),
        "results": [asdict(found) for found in results],
    }
    return json.dumps(whole, indent=1) + "\n"


def as_junit(results: Sequence[Result]) -> str:
    """Render the results as a JUnit test suite."""
    suite = ET.Element(
        "testsuite",
        name="spec-kitty contract verify",
        tests=str(len(results)),
        failures=str(sum(not found.conforms for found in results)),
        errors="0",
        skipped=str(sum(found.status in {NOT_ASKED, NOT_SEEN, EXPECTED} for found in results)),
        time=f"{sum(found.seconds for found in results):.3f}",
    )
    for found in results:
        _add_case(suite, found)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suite, "unicode") + "\n"


def _add_case(suite: ET.Element, found: Result) -> None:
    kind, _, name = found.name.partition(".")
    case = ET.SubElement(suite, "testcase", classname=kind, name=name, time=f"{found.seconds:.3f}")
    if found.status == PASSED:
        return
    element = ET.SubElement(case, "skipped" if found.conforms else "failure")
    element.set("message", printable(f"{found.status}: {found.meaning} ({found.section})"))
    element.text = printable(found.detail)


def as_lines(results: Sequence[Result]) -> list[tuple[str, str]]:
    """Return pairs of status and line: all results but passed ones, then the summary."""
    lines = [
        (found.status, _line(found)) for found in results if found.status not in {PASSED, NOT_ASKED}
    ]
    lines += [(NOT_ASKED, line) for line in _not_asked(results)]
    counts = Counter(found.status for found in results)
    summed = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    is_well = PASSED if conforms(results) else FAILED
    verdict = "conforms" if conforms(results) else "does not conform"
    if not is_judged(results):
        verdict = "could not be judged"
    return [*lines, (is_well, f"{verdict}: {summed}")]


def _line(found: Result) -> str:
    head = f"{found.status}: {found.name}: {found.meaning} ({found.section})"
    return printable(f"{head}: {found.detail}" if found.detail else head)


def _not_asked(results: Sequence[Result]) -> list[str]:
    """Return one line for each reason, because an interface that was not named skips many checks."""
    names: dict[str, list[str]] = {}
    for found in results:
        if found.status == NOT_ASKED:
            names.setdefault(found.detail, []).append(found.name)
    return [printable(f"not asked: {reason}: {_some(names[reason])}") for reason in sorted(names)]


def _some(names: list[str], most: int = 4) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def printable(text: str) -> str:
    """Escape the text to one line that is safe for terminals and XML."""
    return UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text.replace("\n", "\\n"))
