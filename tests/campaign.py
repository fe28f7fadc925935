"""Long tables: a sample of them runs in every build, the rest once a week.

`python -m pytest -m campaign` runs the rest; `-m "long or campaign"` all of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(values: Iterable[Any], *, every: int) -> list[Any]:
    """The values for `parametrize`; all but each `every`-th are left to the campaign."""
    return [
        pytest.param(*value if isinstance(value, tuple) else (value,), marks=pytest.mark.campaign)
        if number % every
        else value
        for number, value in enumerate(values)
    ]
