"""Every sync, lock, link check and idempotency check in the source has a test that fails without it.

`python -m tests.mutations` removes each of them and checks that its test fails.
"""

from __future__ import annotations

import ast
from itertools import groupby

import pytest

from tests.mutations.sites import IDEMPOTENCY, KINDS, ROOT, all_sites
from tests.mutations.table import named_tests

pytestmark = pytest.mark.long


def test_every_guard_in_the_source_has_named_tests() -> None:
    found = {site.name for site in all_sites()}
    assert found == set(named_tests())
    assert all(named_tests().values())


def test_every_named_test_exists() -> None:
    named = {test.split("[")[0] for tests in named_tests().values() for test in tests}
    for file, tests in groupby(sorted(named), lambda test: test.split("::")[0]):
        text = (ROOT / file).read_text(encoding="utf-8")
        lost = [it for it in tests if f"def {it.rpartition('::')[2]}(" not in text]
        assert not lost


def test_every_kind_of_guard_is_found() -> None:
    assert {site.kind for site in all_sites()} == set(KINDS)


def test_every_known_idempotency_check_exists() -> None:
    standing = {ast.unparse(site.node) for site in all_sites() if site.kind == "idempotency"}
    assert standing >= set(IDEMPOTENCY)
