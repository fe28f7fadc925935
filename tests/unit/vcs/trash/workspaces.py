"""Helpers of the tests of the trash."""

from __future__ import annotations

from pathlib import Path


def workspace(place: Path, content: str = "old") -> Path:
    place.mkdir()
    (place / "file").write_text(content)
    return place


def linked(path: Path) -> None:
    path.symlink_to(workspace(path.with_name("elsewhere")))
