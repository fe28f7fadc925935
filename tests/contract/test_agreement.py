"""The code and the contract say the same."""

from __future__ import annotations

import pytest

from tests.contract.agreement.checks import CHECKS
from tests.contract.agreement.facts import CodeFacts
from tests.contract.documents import CONTRACT


@pytest.mark.parametrize("name", CHECKS)
def test_code_and_contract_agree(name: str, code: CodeFacts) -> None:
    assert list(CHECKS[name](CONTRACT, code)) == []
