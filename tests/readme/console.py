"""The commands of documents, and the comparison of the output that they show with the real one.

A fence in `sh` is pasted as a whole. A fence in `output` behind it is what it prints; without one,
it only has to succeed. A comment `<!-- not run: REASON -->` above a fence in `sh` says that no test pastes
it. Fences of other kinds are there to be read.

In an output, `...` stands for anything: alone on a line for any lines, inside a line for the rest of
a value. Ends of lines are not compared. Values that differ from run to run are compared by their kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n\n)?```(?P<language>\w*)\n(?P<body>.*?)^```$", re.M | re.S
)
NOT_RUN = "not run: "
READ_ONLY = frozenset({"json", "text", "toml"})
"""Languages of fences that are only read."""
KINDS = (
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00"), "<moment>"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "<second>"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "<digest>"),
    (re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b"), "<ulid>"),
    (re.compile(r"corr-[0-9a-f]{32}"), "<minted id>"),
)
ANY_LINES, ANY_TEXT = r"(?:.*\n)*?", r".*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Commands as they are pasted, and the output that the document shows; None if it shows none."""

    commands: str
    shown: str | None = None
    mark: str | None = None


def blocks(text: str) -> list[Block]:
    """All commands of a document, in order."""
    return list(_blocks(text))


def fits(shown: str, printed: str) -> bool:
    """Whether the printed text matches the shown one."""
    return re.fullmatch(_pattern(_by_kind(shown)), _by_kind(printed)) is not None


def _blocks(text: str) -> Iterator[Block]:
    pasted: re.Match[str] | None = None
    for found in [*FENCE.finditer(text), None]:
        is_output = found is not None and found["language"] == "output"
        if pasted is not None:
            shown = found["body"] if found is not None and is_output else None
            yield Block(commands=pasted["body"], shown=shown, mark=pasted["mark"])
        else:
            assert not is_output, "an output stands behind what prints it"
        if found is None:
            return
        assert is_output or found["language"] in READ_ONLY | {"sh"}, found["language"]
        pasted = found if found["language"] == "sh" else None


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
