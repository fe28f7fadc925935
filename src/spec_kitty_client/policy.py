"""The policy that an orchestrator declares: the rules under which it runs its agents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

# The known values, for completion; the contract accepts any text.
ApprovalMode: TypeAlias = Literal["interactive", "supervised", "delegated", "full_auto"] | str
SandboxMode: TypeAlias = Literal["none", "read_only", "workspace_write", "container"] | str
NetworkMode: TypeAlias = Literal["none", "allowlist", "open"] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules under which agents run. The host checks them, and records them with what a request causes.

    Declare what is true. The host refuses a policy with a banned flag, or with text that looks like a
    secret, with `PolicyValidationFailed`.
    """

    orchestrator_id: str
    """Who asks, such as `nightly`."""
    orchestrator_version: str
    agent_family: str
    """The kind of agent, such as `claude`, or `human`."""
    approval_mode: ApprovalMode
    """Who approves what the agent does."""
    sandbox_mode: SandboxMode
    """What the agent can write to."""
    network_mode: NetworkMode
    """What the agent can reach."""
    dangerous_flags: tuple[str, ...] = ()
    """Flags of the agent that matter for security."""
    tool_restrictions: str | None = None
    """Which tools the agent may use."""

    @classmethod
    def for_agent(
        cls,
        agent_family: str,
        *,
        orchestrator_id: str,
        orchestrator_version: str = "0",
        network_mode: NetworkMode = "none",
        dangerous_flags: Iterable[str] = (),
        tool_restrictions: str | None = None,
    ) -> Policy:
        """Return a policy for an agent that works alone (`full_auto`) and writes to its workspace only."""
        return cls(
            orchestrator_id=orchestrator_id,
            orchestrator_version=orchestrator_version,
            agent_family=agent_family,
            approval_mode="full_auto",
            sandbox_mode="workspace_write",
            network_mode=network_mode,
            dangerous_flags=tuple(dangerous_flags),
            tool_restrictions=tool_restrictions,
        )

    @classmethod
    def for_person(cls, *, orchestrator_id: str, orchestrator_version: str = "0") -> Policy:
        """Return a policy for a person who works without a sandbox and approves each step (`interactive`)."""
        return cls(
            orchestrator_id=orchestrator_id,
            orchestrator_version=orchestrator_version,
            agent_family="human",
            approval_mode="interactive",
            sandbox_mode="none",
            network_mode="open",
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object of the contract."""
        return asdict(self) | {"dangerous_flags": list(self.dangerous_flags)}
