"""Every check that the code and the contract agree.

Each takes a contract and the facts of the code and returns the differences, so that a
test can plant a difference on either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from specify_cli.conformance.documents import Contract
from tests.contract.agreement import (
    command_checks,
    document_checks,
    error_checks,
    lane_checks,
    policy_checks,
    wire_checks,
)
from tests.contract.agreement.facts import CodeFacts

Check: TypeAlias = Callable[[Contract, CodeFacts], Iterator[str]]

CHECKS: dict[str, Check] = {
    f"{module.__name__.rpartition('.')[2].removesuffix('_checks')}: {name.replace('_', ' ')}": check
    for module in (
        command_checks,
        document_checks,
        error_checks,
        lane_checks,
        policy_checks,
        wire_checks,
    )
    for name, check in vars(module).items()
    if callable(check)
    and getattr(check, "__module__", None) == module.__name__
    and not name.startswith("_")
}
"""Every public function of the modules named `.._checks`."""
