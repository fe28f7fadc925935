"""What the tests of trash share."""

from __future__ import annotations

from pathlib import Path

from specify_cli.files.identity import Identity, identity


def workspace(place: Path, content: str = "old") -> Path:
    place.mkdir()
    (place / "file").write_text(content)
    return place


def known(place: Path) -> Identity:
    found = identity(place)
    assert found is not None
    return found


def linked(path: Path) -> None:
    path.symlink_to(workspace(path.with_name("elsewhere")))
