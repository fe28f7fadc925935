"""The measurements of style: the script counts correctly, and the source keeps the limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.architecture.measurements import measure

SOURCE = Path(__file__).parents[2] / "src"

LONGEST_FUNCTION = 30
"""Lines of its body without the docstring."""

MODULE = '''"""A module."""

# A comment.
LIMIT = 3
"""Of something."""


def public(value: int) -> int:
    """Two lines

    or three."""
    once = _used_once(value)
    return _used_twice(once) + _used_twice(value)


def _used_once(value: int) -> int:
    return value


def _used_twice(value: int) -> int:
    # Why.
    return value
'''


def test_a_module_is_measured(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(MODULE)
    found = measure(tmp_path)
    assert (found.files, found.lines, found.largest_file) == (1, 22, 22)
    assert (found.median_function, found.longest_function) == (1, 2)
    assert round(found.functions_per_1000_lines) == 136
    assert round(found.private_used_once, 2) == 0.33
    assert round(found.comment_lines * found.lines) == 2
    assert round(found.docstring_lines * found.lines) == 5


@pytest.mark.long
def test_no_function_is_too_long() -> None:
    assert measure(SOURCE).longest_function <= LONGEST_FUNCTION
