"""contract-version: which version of the contract this host speaks."""

from __future__ import annotations

from typing import Any

from specify_cli.errors import ContractVersionMismatch
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.orchestrator_api.command import Command, Result
from specify_cli.orchestrator_api.envelope import CONTRACT_VERSION, MIN_PROVIDER_VERSION
from specify_cli.orchestrator_api.values import argument
from specify_cli.orchestrator_api.versions import is_older


class ContractVersionParams(Params):
    """Arguments of contract-version."""

    provider_version: str | None = argument(
        "Version of the caller; refused if too old.", default=None
    )


class ContractVersionResult(Result):
    """Data of contract-version."""

    api_version: str
    min_supported_provider_version: str


def handle(params: ContractVersionParams, cause: Any, services: Any) -> ContractVersionResult:
    """Return the versions; refuse a caller that is too old."""
    provider = params.provider_version
    if provider is not None and is_older(provider, MIN_PROVIDER_VERSION):
        raise ContractVersionMismatch(
            f"provider version {provider[:80]!r} is not supported: contract {CONTRACT_VERSION}"
            f" needs {MIN_PROVIDER_VERSION} or newer; upgrade the orchestrator",
            provider_version=provider[:80],
            min_supported_provider_version=MIN_PROVIDER_VERSION,
            api_version=CONTRACT_VERSION,
        )
    return ContractVersionResult(
        api_version=CONTRACT_VERSION, min_supported_provider_version=MIN_PROVIDER_VERSION
    )


COMMAND = Command(
    name="contract-version",
    params=ContractVersionParams,
    handle=handle,
    example="spec-kitty orchestrator-api contract-version --provider-version 0.1.2",
    is_batched=True,
)
