from __future__ import annotations

from itertools import pairwise

import pytest

from specify_cli.orchestrator_api import versions


@pytest.mark.parametrize("text", ["0.0.0", "1.3.0", "1.3.0-rc.1", "1.3.0+build.7", "10.20.30-a+b"])
def test_semantic_versions_are_parsed(text: str) -> None:
    assert versions.parse(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.3",
        "v1.3.0",
        "1.3.0.0",
        "01.3.0",
        "1.-3.0",
        " 1.3.0",
        "1.3.0\n",
        "1.3.x",
        "\u0661.3.0",
        f"{'9' * 10_000}.0.0",
        "latest",
    ],
)
def test_other_text_is_not_a_version(text: str) -> None:
    assert versions.parse(text) is None
    assert not versions.speaks("1.3.0", text)


@pytest.mark.parametrize(
    "text", ["", "v1", "1.", ".1", "1.2.3.4.5", "1.-3", " 1", "1\n", "\u0661", "9" * 99]
)
def test_a_provider_version_has_one_to_four_dotted_numbers(text: str) -> None:
    assert versions.is_older(text, "0.0.0")
    for known in ("0", "1", "1.2", "01.3.0", "1.2.3.4", "2026.11.28"):
        assert not versions.is_older(known, "0")
    assert versions.is_older("0.1", "0.1.0.1")
    assert not versions.is_older("0.1", "0.1.0")


def test_versions_are_ordered_and_a_release_follows_its_candidates() -> None:
    ordered = ["0.0.9", "0.1.0-rc.1", "0.1.0", "0.1.1", "0.2.0", "0.10.0", "1.0.0"]
    for older, newer in pairwise(ordered):
        assert versions.is_older(older, newer)
        assert not versions.is_older(newer, older)
        assert not versions.is_older(newer, newer)


@pytest.mark.parametrize(
    ("asked", "is_spoken"),
    [
        ("1.3.0", True),
        ("1.0.0", True),
        ("1.3.9", True),
        ("1.4.0", False),
        ("0.9.0", False),
        ("2.0.0", False),
    ],
)
def test_a_host_speaks_its_major_version_up_to_its_own_minor(asked: str, is_spoken: bool) -> None:
    assert versions.speaks("1.3.0", asked) is is_spoken
