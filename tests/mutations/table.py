"""The tests that fail when a guard is removed from the source, from `named_tests.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

TABLE = Path(__file__).with_name("named_tests.toml")


def named_tests() -> dict[str, list[str]]:
    """By the name of a guard, the pytest node ids of tests of which at least one fails without it."""
    content = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        f"{file}::{guard}": tests
        for file, guards in content.items()
        for guard, tests in guards.items()
    }
