"""Which tests turn red when a guard is taken out of the source, from `named_tests.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

TABLE = Path(__file__).with_name("named_tests.toml")


def named_tests() -> dict[str, list[str]]:
    """Name of a guard to the tests, as pytest's node ids, of which at least one turns red."""
    content = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return {
        f"{file}::{guard}": tests
        for file, guards in content.items()
        for guard, tests in guards.items()
    }
