"""The constraints pin every package that the README's test command installs, and no others."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.campaign import sampled

ROOT = Path(__file__).parents[2]
LINES = (ROOT / "tests" / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINNED = {
    canonicalize_name(name): version for name, _, version in (p.partition("==") for p in LINES)
}
PROJECT = "spec-kitty"


def installed_for(name: str, extras: frozenset[str], seen: set[str]) -> set[str]:
    """The names of all packages that the package needs here, directly or indirectly."""
    for text in metadata.requires(name) or []:
        needed = Requirement(text)
        applies = needed.marker is None or any(
            needed.marker.evaluate({"extra": extra}) for extra in extras | {""}
        )
        if applies and canonicalize_name(needed.name) not in seen:
            seen.add(canonicalize_name(needed.name))
            installed_for(needed.name, frozenset(needed.extras), seen)
    return seen


def test_every_line_pins_a_version():
    assert [line for line in LINES if not re.fullmatch(r"[\w.-]+==[\w.+!]+", line)] == []


# The README's test command installs no linters.
@pytest.mark.parametrize("extra", sampled(["test", "dev"], every=2, rest=pytest.mark.long))
def test_every_installed_package_is_pinned(extra: str):
    needed = installed_for(PROJECT, frozenset({extra}), set())

    assert len(needed) > 15
    assert needed - {PROJECT} - set(PINNED) == set()


def test_the_build_back_end_is_pinned_to_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert project["build-system"]["requires"] == [
        f"hatchling=={PINNED[canonicalize_name('hatchling')]}"
    ]
