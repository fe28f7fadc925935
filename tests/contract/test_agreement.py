"""The code and the contract agree."""

from __future__ import annotations

import pytest

from specify_cli.conformance.documents import CONTRACT
from tests.contract.agreement.checks import CHECKS
from tests.contract.agreement.facts import CodeFacts


@pytest.mark.parametrize("name", CHECKS)
def test_code_and_contract_agree(name: str, code: CodeFacts) -> None:
    assert list(CHECKS[name](CONTRACT, code)) == []
