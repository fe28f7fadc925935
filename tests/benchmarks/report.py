"""The results of a benchmark and how they are shown: ratios first, because only they hold on other machines."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Where and how often to measure: `folder` is empty, and on the disk to be measured."""

    folder: Path
    rounds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The measurements of one row, alternating: times or rates of the host, and of what it is compared with.

    `peers` are medians of other programs in the unit of `ours`.
    """

    ours: Sequence[float]
    floor: Sequence[float]
    unit: str
    peers: Mapping[str, float] | None = None
    remark: str = ""

    @property
    def ratio(self) -> float:
        """The ratio of our median to the median of the floor."""
        return statistics.median(self.ours) / statistics.median(self.floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: what is measured, the floor, and the ratio to be reached.

    The ratio is to be at most `reach`, or at least where `is_rate`.
    """

    name: str
    what: str
    floor: str
    reach: float
    measure: Callable[[Setting], Found]
    is_rate: bool = False

    def is_reached(self, found: Found) -> bool:
        """Whether the ratio is reached."""
        return found.ratio >= self.reach if self.is_rate else found.ratio <= self.reach


def table(found: Iterable[tuple[Row, Found]]) -> str:
    """The rows for people, a heading above them."""
    lines = [f"{'row':16} {'ratio':>8} {'reach':>9}      {'median':>14} {'floor':>14}  what"]
    for row, it in found:
        mark = "yes" if row.is_reached(it) else "no"
        reach = f"{'>=' if row.is_rate else '<='} {row.reach:g}"
        ours, floor = (f"{statistics.median(x):.2f} {it.unit}" for x in (it.ours, it.floor))
        lines.append(
            f"{row.name:16} {it.ratio:8.3f} {reach:>9} {mark:3}  {ours:>14} {floor:>14}"
            f"  {row.what}, to {row.floor}"
        )
        lines += [
            f"{'':16} {name}: {value:.2f} {it.unit}" for name, value in (it.peers or {}).items()
        ]
        if it.remark:
            lines.append(f"{'':16} {it.remark}")
    return "\n".join(lines)


def as_json(found: Iterable[tuple[Row, Found]], *, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The same for programs, as JSON with every sample."""
    rows = {
        row.name: {
            "what": row.what,
            "floor": row.floor,
            "reach": row.reach,
            "is_rate": row.is_rate,
            "ratio": it.ratio,
            "is_reached": row.is_reached(it),
            "unit": it.unit,
            "samples": list(it.ours),
            "floor_samples": list(it.floor),
            "peers": dict(it.peers or {}),
            "remark": it.remark,
        }
        for row, it in found
    }
    return {"machine": dict(facts), "rows": rows}


def machine(folder: Path) -> dict[str, Any]:
    """The properties of the machine on which the figures depend."""
    told = ["stat", "-f", "-c", "%T", str(folder)]
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "file_system": subprocess.run(
            told, capture_output=True, text=True, check=True
        ).stdout.strip(),
        "load": os.getloadavg()[0],
    }
