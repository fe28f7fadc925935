"""Times written by other programs, as people read them."""

from __future__ import annotations

import pytest

from specify_cli import clock
from specify_cli.cli import ages, report_page


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "yesterday"]
)
def test_a_time_that_cannot_be_converted_to_utc_is_shown_unchanged(text: str) -> None:
    assert ages.utc(text) == text
    assert ages.age(text, clock.now()) == ""
    assert report_page._when(text) == text
