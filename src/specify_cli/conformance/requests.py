"""One request, in the form of each interface."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from typing import Any

from specify_cli.conformance.documents import CONTRACT

VERSION = "1.5.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request; `raw` replaces its other fields as the content of the request file."""

    command: str = ""
    args: dict[str, Any]
    correlation_id: str
    policy: Any = None
    not_after: str | None = None
    contract_version: str = VERSION
    raw: bytes | None = None

    def with_id(self, correlation_id: str) -> Request:
        """Return the same request under another id."""
        return replace(self, correlation_id=correlation_id)

    def as_file(self) -> bytes:
        """Return the content of the request file."""
        if self.raw is not None:
            return self.raw
        whole = {
            "contract_version": self.contract_version,
            "correlation_id": self.correlation_id,
            "command": self.command,
            "args": self.args,
        }
        optional = {"policy": self.policy, "not_after": self.not_after}
        given = {name: value for name, value in optional.items() if value is not None}
        return json.dumps(whole | given).encode()

    def as_argv(self) -> list[str]:
        """Return the arguments after `spec-kitty orchestrator-api`."""
        argv = [self.command]
        for name, value in self.args.items():
            argv += _flag(self.command, name, value)
        if self.policy is not None:
            argv += ["--policy", json.dumps(self.policy)]
        if CONTRACT.commands().get(self.command, {}).get("changes_state"):
            argv += ["--correlation-id", self.correlation_id]
        return argv


def fresh_id() -> str:
    """Return a new correlation id."""
    return f"test-{uuid.uuid4().hex}"


def request_of(content: dict[str, Any]) -> Request:
    """Return the request of a fixture, with defaults for absent fields."""
    correlation_id = content.get("correlation_id", fresh_id())
    if "raw_request_bytes" in content:
        raw = content["raw_request_bytes"]
        text = raw["text"] * raw["repeat"]
        return Request(args={}, correlation_id=correlation_id, raw=text.encode())
    return Request(
        command=content["command"],
        args=content["args"],
        correlation_id=correlation_id,
        policy=content.get("policy"),
        not_after=content.get("not_after"),
        contract_version=content.get("contract_version", VERSION),
    )


def _flag(command: str, name: str, value: Any) -> list[str]:
    flags = CONTRACT.commands().get(command, {"flags": []})["flags"]
    known: dict[str, Any] = next((flag for flag in flags if flag["arg"] == name), {})
    flag = known.get("flag", f"--{name.replace('_', '-')}")
    if value is None:
        return []
    if value is True:
        return [flag]
    if value is False:
        return [known["negation"]] if "negation" in known else []
    if isinstance(value, list) and known.get("type") == "list":
        return [word for it in value for word in (flag, str(it))]
    text = json.dumps(value) if isinstance(value, dict | list) else str(value)
    return [flag, text]
