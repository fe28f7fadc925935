"""Checks of the conformance kit: one rule of the contract each, and the result."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from specify_cli.conformance.findings import Nonconformity
from specify_cli.conformance.programs import ProgramFailed

PASSED, FAILED = "passed", "failed"
NOT_ASKED, NOT_SEEN = "not asked", "not seen"
EXPECTED, UNEXPECTED = "failed as expected", "passed unexpectedly"
CONFORMING = frozenset({PASSED, NOT_ASKED, NOT_SEEN, EXPECTED})

# Exceptions of a check that reads malformed output of the program under test.
MALFORMED_OUTPUT = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    ProgramFailed,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A named rule: its meaning, the section that requires it and the capabilities it needs."""

    name: str
    meaning: str
    section: str
    requires: frozenset[str]
    judge: Callable[[Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of one check."""

    name: str
    meaning: str
    section: str
    status: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def conforms(self) -> bool:
        """Whether the result is neither a failure nor a wrong entry in the expected failures."""
        return self.status in CONFORMING


@dataclass(slots=True)
class RuleSet:
    """Rules with a common prefix; decorate a function with `rule` to add one."""

    prefix: str
    requires: frozenset[str]
    checks: list[Check]

    def rule(
        self, name: str, *, section: str, requires: tuple[str, ...] = ()
    ) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        """Add the decorated function as a rule. Its docstring is the meaning of the rule."""

        def add(judge: Callable[[Any], None]) -> Callable[[Any], None]:
            self.add(name, judge, meaning=judge.__doc__ or "", section=section, requires=requires)
            return judge

        return add

    def add(
        self,
        name: str,
        judge: Callable[[Any], None],
        *,
        meaning: str,
        section: str,
        requires: tuple[str, ...] = (),
    ) -> None:
        """Add a rule."""
        self.checks.append(
            Check(
                name=f"{self.prefix}.{name}",
                meaning=meaning.strip().rstrip("."),
                section=section,
                requires=self.requires | frozenset(requires),
                judge=judge,
            )
        )


def run_check(check: Check, context: Any) -> Result:
    """Run the check. `context` is what its `judge` takes."""
    started = time.monotonic()
    status, detail = PASSED, ""
    try:
        check.judge(context)
    except Nonconformity as found:
        status, detail = FAILED, str(found)
    except MALFORMED_OUTPUT as error:
        status, detail = FAILED, f"the check failed: {type(error).__name__}: {error}"
    return make_result(check, status, detail, seconds=round(time.monotonic() - started, 3))


def make_result(check: Check, status: str, detail: str, *, seconds: float = 0.0) -> Result:
    """Build the result of the check."""
    return Result(
        name=check.name,
        meaning=check.meaning,
        section=check.section,
        status=status,
        detail=detail,
        seconds=seconds,
    )
