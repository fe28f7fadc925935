"""The injected faults and their results as text, as JSON, and as the table of the documentation."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from tests.faults.campaign import Choice, Failure, Result


class Report:
    """The sum of all results."""

    def __init__(self, choice: Choice) -> None:
        self.choice = choice
        self.seconds = 0.0
        self.is_whole = False
        self.failures: list[Failure] = []
        self._points: Counter[tuple[str, str, str]] = Counter()
        self._refused: Counter[str] = Counter()

    @property
    def points(self) -> int:
        """How many faults were injected."""
        return self._points.total()

    def add(self, result: Result) -> None:
        """Add the result."""
        task = result.task
        # The run had fewer calls, so there was no call for this fault.
        struck = len(task.points) - result.missed
        self._points[task.scenario, task.door, task.kind] += struck
        self._refused[task.kind] += result.refused
        self.failures += result.failures

    def as_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "choice": asdict(self.choice),
            "seconds": round(self.seconds, 1),
            "interrupted": not self.is_whole,
            "points": [
                {"command": scenario, "door": door, "kind": kind, "points": count}
                for (scenario, door, kind), count in sorted(self._points.items())
            ],
            "refused_and_repeated": dict(self._refused),
            "injected": self.points,
            "failed": len(self.failures),
            "failures": [{**asdict(it), "again": it.again} for it in self.failures],
        }

    def as_text(self) -> str:
        """The report as text."""
        lines = [self.as_table(), ""]
        for failure in self.failures:
            lines += [f"FAILED: {failure.again}", *(f"    {x}" for x in failure.problems)]
        if not self.is_whole:
            lines.append("The run did not come to its end: these are its faults until then.")
        lines.append(
            f"{self.points} faults in {self.seconds:.0f} s, seed {self.choice.seed}:"
            f" {len(self.failures)} where something was lost, doubled or half-applied"
        )
        return "\n".join(lines)

    def as_table(self) -> str:
        """A table with a row for each kind; the columns are commands, summed over both interfaces."""
        kinds = list(dict.fromkeys(kind for _, _, kind in self._points))
        rows = ["| command | door | " + " | ".join(kinds) + " | failed |"]
        rows.append("| --- | --- |" + " ---: |" * (len(kinds) + 1))
        for scenario, door in dict.fromkeys((s, d) for s, d, _ in sorted(self._points)):
            counts = [str(self._points[scenario, door, kind]) for kind in kinds]
            failed = sum((it.scenario, it.door) == (scenario, door) for it in self.failures)
            rows.append(f"| `{scenario}` | {door} | " + " | ".join(counts) + f" | {failed} |")
        totals = [
            str(sum(n for (_, _, k), n in self._points.items() if k == kind)) for kind in kinds
        ]
        rows.append("| all | | " + " | ".join(totals) + f" | {len(self.failures)} |")
        return "\n".join(rows)


def tell(result: Result, injected: int) -> None:
    """One line about a finished task."""
    task = result.task
    outcome = f"{len(result.failures)} FAILED" if result.failures else "held"
    print(
        f"{injected:6} {task.scenario} {task.door} {task.kind}"
        f" {task.points[0]}-{task.points[-1]}: {outcome} ({result.seconds:.1f} s)",
        flush=True,
    )
    for failure in result.failures:
        print("\n".join([f"FAILED: {failure.again}", *(f"    {x}" for x in failure.problems)]))
