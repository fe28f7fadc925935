"""The report of a soak, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.soak.ledger import Ledger, dropped

SHOWN_PROBLEMS = 40
SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def report(ledgers: list[Ledger], people: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Numbers of requests and answers."""
    codes = sum((ledger.codes for ledger in ledgers), Counter[str]())
    calls = Counter(str(envelope["error_code"]) for envelope in people.values())
    return {
        "requests": dropped(ledgers),
        "requests_by_kind": dict(sorted(kinds(ledgers).items())),
        "answers_seen_by_code": dict(codes.most_common()),
        "command_line_calls_by_code": dict(calls.most_common()),
        "latency_ms": percentiles([s for ledger in ledgers for s in ledger.latencies_s]),
    }


def kinds(ledgers: list[Ledger]) -> Counter[str]:
    """The number of requests of each kind."""
    every = [asked for ledger in ledgers for asked in ledger.asked.values()]
    return Counter(kind for asked in every for kind in asked.kinds)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Percentiles of the latencies, in milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    last = len(ordered) - 1
    return {name: round(ordered[round(share * last)] * 1000, 1) for name, share in SHARES.items()}


def as_text(figures: dict[str, Any]) -> str:
    """The figures as lines of text, problems last."""
    lines = [f"{name}: {value}" for name, value in figures.items() if name != "problems"]
    problems = figures["problems"]
    lines += [f"PROBLEM {problem}" for problem in problems[:SHOWN_PROBLEMS]]
    lines.append(f"{len(problems)} problems" if problems else "every promise was kept")
    return "\n".join(lines)
