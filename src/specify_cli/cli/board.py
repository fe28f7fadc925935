"""The status board: columns on a wide terminal, a list on a narrow one, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from specify_cli.cli.board_cards import Card, cards, headline

WIDE = 120
GAP = 2
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
    lanes = [lane for lane in data["summary"] if lane != "total"]
    body = _columns(found, lanes, width) if width >= WIDE else _list(found)
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


def _columns(found: Sequence[Card], lanes: Sequence[str], width: int) -> Table:
    """Build one column per status lane; the columns with packages share the free width."""
    held = {lane: [card for card in found if card.lane == lane] for lane in lanes}
    counted = {lane: f"{lane} {len(held[lane])}" if held[lane] else lane for lane in lanes}
    used = sum(map(len, counted.values())) + GAP * (len(lanes) - 1)
    full = [lane for lane in lanes if held[lane]]
    share, rest = divmod(max(width - used, 0), len(full))
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    for lane in lanes:
        spare = share + (1 if lane in full[:rest] else 0) if held[lane] else 0
        header = Text(counted[lane], style=STYLES.get(lane, ""))
        table.add_column(header, width=len(counted[lane]) + spare, overflow="fold")
    table.add_row(*(_stack(held[lane]) for lane in lanes))
    return table


def _stack(column: Sequence[Card]) -> Text:
    return Text("\n\n").join(_column_card(card) for card in column)


def _column_card(card: Card) -> Text:
    words = Text()
    words.append(card.wp_id, style="bold").append(f" {card.title}")
    for detail in card.details:
        words.append(f"\n{detail}", style="dim")
    return words


def _list(found: Sequence[Card]) -> Text:
    return Text("\n").join(_list_card(card) for card in found)


def _list_card(card: Card) -> Text:
    words = Text(overflow="fold")
    words.append(card.wp_id, style="bold").append("  ")
    words.append(card.lane, style=STYLES.get(card.lane, "")).append(f"  {card.title}")
    if card.details:
        words.append(f"\n    {'; '.join(card.details)}", style="dim")
    return words
