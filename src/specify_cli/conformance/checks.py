"""A rule of the contract that a program can be held to, and what was found."""

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

# What goes wrong in a check when the program under test hands it nonsense.
NONSENSE = (
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
    """A named rule: what it means, which section demands it, and what it takes to ask for it."""

    name: str
    meaning: str
    section: str
    requires: frozenset[str]
    judge: Callable[[Any], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one check."""

    name: str
    meaning: str
    section: str
    status: str
    detail: str = ""
    seconds: float = 0.0

    @property
    def conforms(self) -> bool:
        """False where the result speaks against the program under test, or against a list."""
        return self.status in CONFORMING


@dataclass(slots=True)
class RuleSet:
    """The rules of one kind; `rule` adds the function below it."""

    prefix: str
    requires: frozenset[str]
    checks: list[Check]

    def rule(
        self, name: str, *, section: str, requires: tuple[str, ...] = ()
    ) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
        """The function judges the rule of that name; its docstring says what the rule means."""

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
        """The rule is one of these."""
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
    """What the check has found on the bench."""
    started = time.monotonic()
    status, detail = PASSED, ""
    try:
        check.judge(context)
    except Nonconformity as found:
        status, detail = FAILED, str(found)
    except NONSENSE as error:
        status, detail = FAILED, f"could not be judged: {type(error).__name__}: {error}"
    return make_result(check, status, detail, seconds=round(time.monotonic() - started, 3))


def make_result(check: Check, status: str, detail: str, *, seconds: float = 0.0) -> Result:
    """The result of the check."""
    return Result(
        name=check.name,
        meaning=check.meaning,
        section=check.section,
        status=status,
        detail=detail,
        seconds=seconds,
    )
