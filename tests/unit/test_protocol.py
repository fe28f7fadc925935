"""The grammar of ids and names, and the client's copy of it."""

from __future__ import annotations

import pytest

from spec_kitty_client import heartbeat, ids
from specify_cli import protocol
from specify_cli.orchestrator_api import registry


@pytest.mark.parametrize(
    "text", ["a", "A.b_c-9", "_", "-", "a" * 128, "0worker", "01M8J4ZQ9JF3M6JCXMMVY1AAW4"]
)
def test_a_valid_request_id_is_accepted(text: str) -> None:
    assert protocol.is_request_id(text)


@pytest.mark.parametrize(
    "text", ["", ".a", "a" * 129, "a/b", "a b", "é", "a\n", "worker", "Worker", "٣"]
)
def test_an_invalid_request_id_is_refused(text: str) -> None:
    assert not protocol.is_request_id(text)


@pytest.mark.parametrize("name", ["nightly", "A.b", "a" * 64, "default", "worker", "a.txt"])
def test_a_valid_orchestrator_name_is_accepted(name: str) -> None:
    assert protocol.is_orchestrator(name)


@pytest.mark.parametrize(
    "name", ["", ".a", "a" * 65, "a/b", "x.json", "x.JSON", "x.jsonl", "x.tmp"]
)
def test_an_invalid_orchestrator_name_is_refused(name: str) -> None:
    assert not protocol.is_orchestrator(name)


def test_the_client_creates_valid_request_ids() -> None:
    assert protocol.is_request_id(ids.new_correlation_id())


def test_client_and_host_use_the_same_heartbeat_timeout() -> None:
    assert (heartbeat.HEARTBEAT, heartbeat.MISSED_BEATS) == (
        protocol.HEARTBEAT,
        protocol.MISSED_BEATS,
    )


def test_reads_are_the_commands_of_the_contract_that_change_nothing() -> None:
    commands = registry.CONTRACT_COMMANDS
    assert {it for it in commands if not registry.find(it).changes_state} == protocol.READS
