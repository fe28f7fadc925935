"""The status board: columns if the terminal is wide enough, else a list; plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from specify_cli.cli.board_cards import Card, cards, headline

GAP = 2
NARROWEST, WIDEST = 24, 60
"""Columns of the terminal that a status lane takes at least, if its packages need them, and at most."""

NARROW = 60
"""On a narrower terminal the list has the title below the status lane."""

STYLES: Mapping[str, str] = MappingProxyType(
    {
        "claimed": "yellow",
        "in_progress": "yellow",
        "for_review": "magenta",
        "in_review": "magenta",
        "approved": "green",
        "done": "green",
        "blocked": "red",
        "canceled": "dim",
    }
)


def board(data: Mapping[str, Any], *, now: datetime, width: int) -> RenderableType:
    """Render the state of a mission for a terminal of `width` columns."""
    found = cards(data, now)
    head = Text(headline(data), style="bold")
    if not found:
        return head
    held = {
        lane: column
        for lane in data["summary"]
        if (column := [card for card in found if card.lane == lane])
    }
    widths = _widths(held, width)
    body = _columns(held, widths) if widths else _list(found, width)
    return Group(head, Text(), body)


def plain_lines(data: Mapping[str, Any], *, now: datetime) -> Iterator[str]:
    """Yield the state of a mission as plain lines, one per package."""
    yield headline(data)
    found = cards(data, now)
    longest = max((len(card.wp_id) for card in found), default=0)
    for card in found:
        words = f"{card.wp_id:<{longest}}  {card.lane:<11}  {card.title}"
        yield "; ".join([words, *card.details])


def terminal() -> Console:
    """Return the terminal on stdout."""
    return Console(highlight=False, markup=False, emoji=False)


def _widths(held: Mapping[str, Sequence[Card]], width: int) -> list[int]:
    """Return the width of each column, as wide as what it holds; empty if they do not fit."""
    wanted = [
        min(max(map(cell_len, _lines(lane, column))), WIDEST) for lane, column in held.items()
    ]
    widths = [min(want, NARROWEST) for want in wanted]
    spare = width - sum(widths) - GAP * (len(widths) - 1)
    if spare < 0:
        return []
    while spare and widths != wanted:
        for n, want in enumerate(wanted):
            if widths[n] < want and spare:
                widths[n] += 1
                spare -= 1
    return widths


def _lines(lane: str, column: Sequence[Card]) -> Iterator[str]:
    yield _header(lane, column)
    for card in column:
        yield f"{card.wp_id} {card.title}"
        yield from card.details


def _header(lane: str, column: Sequence[Card]) -> str:
    return f"{lane} {len(column)}"


def _columns(held: Mapping[str, Sequence[Card]], widths: Sequence[int]) -> Table:
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for (lane, column), width in zip(held.items(), widths, strict=True):
        header = Text(_header(lane, column), style=STYLES.get(lane, ""))
        table.add_column(header, width=width, overflow="fold")
    table.add_row(*(_stack(column) for column in held.values()))
    return table


def _stack(column: Sequence[Card]) -> Text:
    return Text("\n\n").join(
        Text.assemble(
            (card.wp_id, "bold"),
            f" {card.title}",
            ("".join(f"\n{detail}" for detail in card.details), "dim"),
        )
        for card in column
    )


def _list(found: Sequence[Card], width: int) -> Table:
    table = Table.grid(padding=(0, GAP, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    if width >= NARROW:
        table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for card in found:
        lane = Text(card.lane, style=STYLES.get(card.lane, ""))
        details = f"\n{'; '.join(card.details)}" if card.details else ""
        title = Text.assemble(card.title, (details, "dim"))
        rest = (lane, title) if width >= NARROW else (Text("\n").join([lane, title]),)
        table.add_row(Text(card.wp_id, style="bold"), *rest)
    return table
