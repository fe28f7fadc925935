"""Every command of the contract is among the scenarios."""

from __future__ import annotations

from specify_cli.orchestrator_api.command_names import CONTRACT_COMMANDS
from tests.faults.scenarios import ALL


def test_every_contract_command_has_a_scenario() -> None:
    assert {scenario.command for scenario in ALL} == set(CONTRACT_COMMANDS)
