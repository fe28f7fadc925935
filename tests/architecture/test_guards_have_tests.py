"""Every sync, lock, link check and idempotency check in the source has a test that fails without it.

`python -m tests.mutations` removes each of them and checks that its test fails.
"""

from __future__ import annotations

import ast

import pytest

from tests.mutations.sites import IDEMPOTENCY, KINDS, all_sites
from tests.mutations.table import named_tests


@pytest.mark.long
def test_every_guard_in_the_source_has_named_tests() -> None:
    found = {site.name for site in all_sites()}
    assert found == set(named_tests())
    assert all(named_tests().values())


def test_every_kind_of_guard_is_found() -> None:
    assert {site.kind for site in all_sites()} == set(KINDS)


def test_every_known_idempotency_check_exists() -> None:
    standing = {ast.unparse(site.node) for site in all_sites() if site.kind == "idempotency"}
    assert standing >= set(IDEMPOTENCY)
