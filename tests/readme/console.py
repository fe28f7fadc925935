"""Console sessions in Markdown, and how what they show is compared with what happens.

A line that begins with `$ ` is a command, `> ` carries it on, everything else is its output. In an output,
`...` stands for anything: alone on a line for any lines, inside a line for the rest of a value. Ends of
lines are not compared. Values that differ from run to run are compared by their kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
KINDS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"), "<moment>"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "<digest>"),
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "<ulid>"),
    (re.compile(r"corr-[0-9a-f]{32}"), "<minted id>"),
)
ANY_LINES, ANY_TEXT = r"(?:.*\n)*?", r".*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A command as it is pasted, and what it is shown to print."""

    command: str
    shown: str


def fences(text: str, language: str) -> list[str]:
    """The contents of the fences in that language."""
    return [body for found, body in FENCE.findall(text) if found == language]


def steps(session: str) -> list[Step]:
    """The commands of one session, each with its output."""
    parts = re.split(r"^\$ ", session, flags=re.M)
    assert parts[0] == "", f"a session begins with a command, not with {parts[0]!r}"
    return [_step(part) for part in parts[1:]]


def fits(shown: str, printed: str) -> bool:
    """Whether a command that printed this has done what is shown."""
    return re.fullmatch(_pattern(_by_kind(shown)), _by_kind(printed)) is not None


def _step(part: str) -> Step:
    first, *rest = part.splitlines()
    more = [line[2:] for line in rest if line.startswith("> ")]
    return Step(
        command="\n".join([first, *more]),
        shown="".join(f"{line}\n" for line in rest[len(more) :]),
    )


def _by_kind(text: str) -> str:
    for pattern, kind in KINDS:
        text = pattern.sub(kind, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def _pattern(shown: str) -> str:
    return "".join(
        ANY_LINES
        if line.strip() == "..."
        else ANY_TEXT.join(re.escape(part) for part in line.split("...")) + r"\n"
        for line in shown.splitlines()
    )
