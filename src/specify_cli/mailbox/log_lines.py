"""Lines of the worker's log: a text for people, with an event and its fields for programs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from specify_cli import clock
from specify_cli.errors import HostError, SpecKittyError, StateUnreadable, StorageFailed
from specify_cli.mailbox.printable import printable

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning", "error")

OK: Final = "OK"
ANSWERED: Final = "request.answered"
SET_ASIDE: Final = "request.set_aside"
LONGEST: Final = 2000
NOTICE: Final = "notice"
"""The event of a plain text."""

_FAULTS: Final = (HostError.code, StateUnreadable.code, StorageFailed.code)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class LogLine(str):
    """A line of the log. As a string it is the text for people.

    Text from others cannot break it or reach a terminal: text and fields are printable, and no longer
    than `LONGEST`.

    Attributes:
        event: The stable name of what happened; the operators guide lists them.
        level: How much it matters.
        fields: What programs want to know about it, as JSON values.
    """

    __slots__ = ("event", "fields", "level")
    event: str
    level: Level
    fields: Mapping[str, Any]

    def __new__(
        cls, text: str, event: str, *, level: Level = "info", fields: Mapping[str, Any] = _NOTHING
    ) -> LogLine:
        """Return the line with that text."""
        line = super().__new__(cls, _safe(text))
        line.event, line.level = event, level
        line.fields = {name: _safe_value(it) for name, it in fields.items()}
        return line


def _safe_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_safe_value(it) for it in value]
    return _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    safe = printable(text)
    return safe if len(safe) <= LONGEST else f"{safe[:LONGEST]}..."


def as_line(text: str) -> LogLine:
    """Return the line; a plain text is a notice."""
    return text if isinstance(text, LogLine) else LogLine(text, NOTICE, level="warning")


def error_line(error: Exception) -> LogLine:
    """Return the line for the error that ends the worker."""
    code, reason = StorageFailed.code, f"a file operation failed: {error}"
    if isinstance(error, SpecKittyError):
        code, reason = error.code, error.message
    fields = {"outcome": code, "reason": reason}
    return LogLine(f"{code}: {reason}", "worker.failed", level="error", fields=fields)


class AnsweredRequest(NamedTuple):
    """An answered request, as the log reports it.

    Attributes:
        identity: The orchestrator.
        envelope: The answer.
        line: The journal line of the request; empty if it is not known.
        is_repeat: Whether the answer was recorded earlier.
        since: When the worker took the request, in seconds since the epoch.
        set_aside: Why its file became a dead letter; empty if it did not.
    """

    identity: str
    envelope: Mapping[str, Any]
    line: Mapping[str, Any] = _NOTHING
    is_repeat: bool = False
    since: float | None = None
    set_aside: str = ""

    @property
    def duration_s(self) -> float | None:
        """Seconds since the worker took the request; None if it is not known."""
        return None if self.since is None else max(0.0, clock.now().timestamp() - self.since)

    def logged(self) -> LogLine:
        """Return the line of the log."""
        data: Mapping[str, Any] = self.envelope["data"]
        args = self.line.get("args") or _NOTHING
        reason = None if self.envelope["success"] else data.get("message")
        duration_s = self.duration_s
        fields = {
            "identity": self.identity,
            "actor": self.line.get("actor"),
            "command": self.envelope["command"].removeprefix("orchestrator-api."),
            "correlation_id": self.envelope["correlation_id"],
            "mission": data.get("mission_slug") or args.get("mission"),
            "package": data.get("wp_id") or args.get("wp"),
            "from": data.get("from_lane"),
            "to": data.get("to_lane") or args.get("to"),
            "outcome": self.envelope["error_code"] or OK,
            "reason": self.set_aside or reason,
            "is_repeat": self.is_repeat,
            "duration_s": None if duration_s is None else round(duration_s, 6),
        }
        code, event = fields["outcome"], SET_ASIDE if self.set_aside else ANSWERED
        level: Level = "error" if code in _FAULTS else "info" if code == OK else "warning"
        return LogLine(_text(fields, event), event, level=level, fields=fields)


def _text(fields: Mapping[str, Any], event: str) -> str:
    """Return one line: who, what, which request, the outcome, and what it was about."""
    words = [fields["identity"], fields["command"], fields["correlation_id"], fields["outcome"]]
    words += ["(repeated)"] if fields["is_repeat"] else []
    words += ["(dead letter)"] if event == SET_ASIDE else []
    words += [str(fields[name]) for name in ("mission", "package") if fields[name] is not None]
    if fields["from"] and fields["to"]:
        words.append(f"{fields['from']} -> {fields['to']}")
    if fields["actor"] is not None:
        words.append(f"by {fields['actor']}")
    if fields["duration_s"] is not None:
        words.append(f"in {fields['duration_s']:.3f} s")
    return " ".join(words) + (f": {fields['reason']}" if fields["reason"] else "")
