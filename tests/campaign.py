"""Large tables: a sample of them runs with the tests around it, the rest later.

`python -m pytest -m campaign` runs what the build has no time for; `-m "long or campaign"` all that
the README's test command leaves out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(
    values: Iterable[Any], *, every: int, rest: pytest.MarkDecorator = pytest.mark.campaign
) -> list[Any]:
    """The values for `parametrize`; all but each `every`-th are left to the `rest`."""
    return [
        pytest.param(*value if isinstance(value, tuple) else (value,), marks=rest)
        if number % every
        else value
        for number, value in enumerate(values)
    ]
