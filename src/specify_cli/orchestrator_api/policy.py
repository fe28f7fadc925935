"""Policy metadata: what an orchestrator declares about itself, checked and made fit to record.

Source: `contract/v1/policy.json`; a test holds both together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from specify_cli.errors import PolicyMetadataRequired, PolicyValidationFailed

REQUIRED_TEXTS = (
    "orchestrator_id",
    "orchestrator_version",
    "agent_family",
    "approval_mode",
    "sandbox_mode",
    "network_mode",
)
FLAGS = "dangerous_flags"
RESTRICTIONS = "tool_restrictions"
WHOLE = "policy"
BANNED_FLAGS = (
    "--full-auto",
    "--yolo",
    "--dangerously-bypass-approvals-and-sandbox",
    "--dangerously-skip-permissions",
)
SECRET_WORDS = ("token", "secret", "key", "password", "credential")
CREDENTIALS = {
    "github": r"(?:^|[^A-Za-z0-9])(?:gh[pousr]_[A-Za-z0-9]{16}|github_pat_[A-Za-z0-9_]{16})",
    "aws": r"(?:^|[^A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{12}",
    "google": r"(?:^|[^A-Za-z0-9])(?:AIza[A-Za-z0-9_-]{20}|ya29\.[A-Za-z0-9_-]{10})",
    "slack": r"(?:^|[^A-Za-z0-9])xox[a-z]-[A-Za-z0-9-]{8}",
    "openai": r"(?:^|[^A-Za-z0-9])sk-[A-Za-z0-9_-]{16}",
    "anthropic": r"(?:^|[^A-Za-z0-9])sk-ant-[A-Za-z0-9_-]{8}",
    "stripe": (
        r"(?:^|[^A-Za-z0-9])"
        r"(?:(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{8}|whsec_[A-Za-z0-9]{8})"
    ),
    "jwt": r"(?:^|[^A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
    "pem": r"-----BEGIN [A-Z0-9 ]+-----",
    "userinfo": r"[^\s/:@]:[^\s/:@]+@",
}
"""Shapes of real credentials by the name of who issues them."""

BANNED_FLAG = re.compile(
    rf"(?:^|[^A-Za-z0-9_-])(?:{'|'.join(BANNED_FLAGS)})(?:$|[^A-Za-z0-9_-])", re.IGNORECASE
)
SECRET_WORD = re.compile(
    rf"(?:^|[^A-Za-z0-9])(?:{'|'.join(SECRET_WORDS)})(?:$|[^A-Za-z0-9])", re.IGNORECASE
)
CREDENTIAL = re.compile("|".join(CREDENTIALS.values()))
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def check(policy: Any, *, is_required: bool) -> dict[str, Any] | None:
    """The policy, fit to be recorded; None where none was given and none is needed.

    Raises: PolicyMetadataRequired; PolicyValidationFailed naming the field, never its value.
    """
    if policy is None:
        if is_required:
            raise PolicyMetadataRequired(
                "this call needs policy metadata (--policy, or 'policy' in the request):"
                f" {', '.join(REQUIRED_TEXTS)} and dangerous_flags"
            )
        return None
    if not isinstance(policy, dict):
        raise _failed(WHOLE, "it must be a JSON object")
    _check_shape(policy)
    for field, text in _texts(_in_order(policy), ""):
        _check_text(field, text)
    return policy


def _check_shape(policy: dict[str, Any]) -> None:
    for name in REQUIRED_TEXTS:
        if not isinstance(policy.get(name), str):
            raise _failed(name, "it must be a text")
    flags = policy.get(FLAGS)
    if not isinstance(flags, list):
        raise _failed(FLAGS, "it must be a list of texts")
    for position, flag in enumerate(flags):
        if not isinstance(flag, str):
            raise _failed(f"{FLAGS}[{position}]", "it must be a text")
    if not isinstance(policy.get(RESTRICTIONS), str | None):
        raise _failed(RESTRICTIONS, "it must be a text or null")


def _in_order(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy with the known fields first, as the contract lists them."""
    known = (*REQUIRED_TEXTS, FLAGS, RESTRICTIONS)
    return {name: policy[name] for name in known if name in policy} | policy


def _texts(value: Any, field: str) -> Iterator[tuple[str, str]]:
    """Every text in the policy at any depth, and where it is; names of fields before their values."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _texts(inner, f"{field}[{position}]")
    elif isinstance(value, dict):
        yield from ((field or WHOLE, name) for name in value)
        for name, inner in value.items():
            yield from _texts(inner, f"{field}.{name}" if field else name)


def _check_text(field: str, text: str) -> None:
    # It is recorded in files that strict readers of JSON must be able to read.
    if LONE_SURROGATE.search(text):
        raise _failed(field, "it holds half a character; send valid Unicode text")
    if BANNED_FLAG.search(text):
        raise _failed(field, "it holds a flag that this host never records or allows")
    if SECRET_WORD.search(text) or CREDENTIAL.search(text):
        raise _failed(field, "it looks like a secret; policy metadata is recorded in the open")


def _failed(field: str, problem: str) -> PolicyValidationFailed:
    return PolicyValidationFailed(f"policy, at {field}: {problem}", field=field)
