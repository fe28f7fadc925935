"""Helpers of the tests of published journals."""

from __future__ import annotations

from pathlib import Path

from specify_cli.storage.journal_files import JournalFiles


def numbers(path: Path) -> list[int]:
    return [line["seq"] for line in JournalFiles(path).lines()]


held_open: list[int] = []
