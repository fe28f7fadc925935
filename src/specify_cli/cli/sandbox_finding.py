"""A line of the sandbox report."""

from __future__ import annotations

OK, WARN, NO = "ok", "warn", "no"


class Finding:
    """A finding: a check, its verdict, the result and the repair."""

    __slots__ = ("check", "repair", "verdict", "what")

    def __init__(self, check: str, verdict: str, what: str, *, repair: str = "") -> None:
        self.check = check
        self.verdict = verdict
        self.what = what
        self.repair = repair

    def as_json(self) -> dict[str, str | None]:
        """Return the finding for --json."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "what": self.what,
            "repair": self.repair or None,
        }
