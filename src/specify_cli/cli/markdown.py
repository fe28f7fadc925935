"""Render Markdown for a terminal: bold headings, indented code, tables as lists.

Only the syntax of the guides is supported. With NO_COLOR nothing is bold, and code keeps its marks.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import click

CODE_INDENT, OUTPUT_INDENT = "    ", "    | "
_BLOCK = re.compile(
    r"^```(?P<language>\w*)\n(?P<code>.*?)^```$|(?P<prose>(?:^(?!```)[^\n]+(?:\n|\Z))+)",
    re.M | re.S,
)
_ITEM = re.compile(r"^(?=- |\d+\. )", re.M)
_MARK = re.compile(r"\A(?:- |\d+\. )")
_LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
_SPAN = re.compile(r"`([^`]+)`|\*\*(.+?)\*\*", re.S)
_CELL = re.compile(r"(?<!\\)\|")


def render(text: str, *, width: int) -> str:
    """Render the text for a terminal of this width."""
    blocks = (_block(found, width) for found in _BLOCK.finditer(text))
    return "\n\n".join(block for block in blocks if block) + "\n"


def _block(found: re.Match[str], width: int) -> str:
    if found["code"] is not None:
        indent = OUTPUT_INDENT if found["language"] == "output" else CODE_INDENT
        return "\n".join(f"{indent}{line}".rstrip() for line in found["code"].splitlines())
    prose = found["prose"].strip("\n")
    if prose.startswith("<!--"):
        return ""
    if prose.startswith("#"):
        return _bold(prose.lstrip("# "))
    if prose.startswith("|"):
        return "\n".join(_table(prose.splitlines(), width))
    lines = (line for item in _ITEM.split(prose) if item for line in _item(item, width))
    return "\n".join(lines)


def _item(text: str, width: int) -> Iterator[str]:
    """Wrap a paragraph or a list item; its lines are indented below its text."""
    mark = "".join(_MARK.findall(text))
    yield from _wrapped(text[len(mark) :], width, first=mark, rest=" " * len(mark))


def _table(lines: list[str], width: int) -> Iterator[str]:
    """Render each row as a list entry: the first cell, and the others below it."""
    head, _, *rows = ([cell.strip() for cell in _CELL.split(line)[1:-1]] for line in lines)
    for row in rows:
        yield from _wrapped(row[0], width)
        for name, cell in zip(head[1:], row[1:], strict=True):
            joined = f"{name}: {cell}" if len(row) > 2 else cell
            yield from _wrapped(joined, width, first=CODE_INDENT, rest=CODE_INDENT)


def _wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> Iterator[str]:
    line, indent = "", first
    for word in _SPAN.sub(_styled, _LINK.sub(_led, text)).replace("\\|", "|").split():
        if line and len(click.unstyle(f"{indent}{line} {word}")) > width:
            yield indent + line
            line, indent = word, rest
        else:
            line = f"{line} {word}".lstrip()
    yield indent + line


def _styled(span: re.Match[str]) -> str:
    if os.environ.get("NO_COLOR"):
        return span[0]
    # Word by word, because a pager resets bold text at the end of a line.
    return " ".join(_bold(word) for word in (span[1] or span[2]).split())


def _bold(text: str) -> str:
    return text if os.environ.get("NO_COLOR") else click.style(text, bold=True)


def _led(link: re.Match[str]) -> str:
    """Replace a link by the command that shows its target, or by its path in the repository."""
    text, target = link[1], link[2].partition("#")[0]
    if not target or target in text:
        return text
    if "/" not in target:
        return f"{text} (`spec-kitty help {target.removesuffix('.md')}`)"
    path = target.replace("../", "")
    if path.startswith("contract/v1/"):
        return f"{text} (`spec-kitty contract show {path.removeprefix('contract/v1/')}`)"
    return text if text.strip("`") in path else f"{text} ({path})"
