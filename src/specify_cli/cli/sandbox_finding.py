"""One line of the report on a sandbox."""

from __future__ import annotations

OK, WARN, NO = "ok", "warn", "no"


class Finding:
    """What was found, how good that is, and what to do about it."""

    __slots__ = ("check", "repair", "verdict", "what")

    def __init__(self, check: str, verdict: str, what: str, *, repair: str = "") -> None:
        self.check = check
        self.verdict = verdict
        self.what = what
        self.repair = repair

    def as_json(self) -> dict[str, str | None]:
        """The finding as `--json` shows it."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "what": self.what,
            "repair": self.repair or None,
        }
