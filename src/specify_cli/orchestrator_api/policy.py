"""Validate policy metadata, which an orchestrator declares about itself.

Source: `contract/v1/policy.json`; a test holds both together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from specify_cli import credentials
from specify_cli.errors import PolicyMetadataRequired, PolicyValidationFailed, RequestMalformed
from specify_cli.storage import strict_json

# The required strings, each with an example.
REQUIRED_TEXTS = {
    "orchestrator_id": "nightly",
    "orchestrator_version": "1.0.0",
    "agent_family": "claude",
    "approval_mode": "supervised",
    "sandbox_mode": "workspace_write",
    "network_mode": "none",
}
FLAGS = "dangerous_flags"
RESTRICTIONS = "tool_restrictions"
WHOLE = "policy"
UNFIT = "it looks like a secret; policy metadata is recorded in plain text"
BANNED_FLAGS = (
    "--full-auto",
    "--yolo",
    "--dangerously-bypass-approvals-and-sandbox",
    "--dangerously-skip-permissions",
)
SECRET_WORDS = ("token", "secret", "key", "password", "credential", "apikey", "passwd")
# Words that make one of those harmless: before it, and behind it. Nothing may be joined in front of
# the second kind: `API_KEY-value` is not the value of a key-value store.
HARMLESS_BEFORE = {
    "key": "primary|foreign|unique|composite|candidate|surrogate|natural|partition|shard|routing|sort"
    "|cache|lookup|hash|dictionary|dict|map|object|json|yaml|config|message|issue|public|idempotency"
    "|deduplication|correlation|arrow|enter|escape|return|shift|control|hot|no",
    "token": "input|output|prompt|completion|context|total|max|min|stop|per|each|every|no",
    "(?:secret|password|credential)": "no",
}
HARMLESS_BEHIND = {
    "key": "values?|points?|features?|results?|questions?|decisions?|files?|steps?|metrics?|findings?"
    "|bindings?|press|presses|strokes?",
    "token": "budgets?|limits?|counts?|usage|window|bucket|ring|costs?|estimates?|quota|allowance",
    "secret": "scans?|scanners?|scanning|detection",
    "password": "prompts?|resets?|hashing",
    "credential": "helpers?|scans?|scanning",
    "bearer": "tokens|auth|authentication|authorization|scheme",
}
REMOVED = "|"

BANNED_FLAG = rf"(?:^|[^A-Za-z0-9_-])(?:{'|'.join(BANNED_FLAGS)})(?:$|[^A-Za-z0-9_-])"
SECRET_WORD = (
    rf"(?:^|[^A-Za-z0-9])(?:(?:{'|'.join(SECRET_WORDS)})(?:$|[^A-Za-z0-9])"
    r"|bearer[ :=]+[A-Za-z0-9._~+/=-]{6})"
)
_QUALIFIED = "|".join(f"(?:{y})[ _-]{x}" for x, y in HARMLESS_BEFORE.items())
_QUALIFYING = "|".join(f"{x}[ /_-](?:{y})" for x, y in HARMLESS_BEHIND.items())
HARMLESS_PHRASE = (
    rf"(?:(?:^|[^A-Za-z0-9])(?:{_QUALIFIED}|etc/passwd)"
    rf"|(?:^|[^A-Za-z0-9_-])(?:{_QUALIFYING}))(?:$|[^A-Za-z0-9])"
)
LONE_SURROGATE = "[\ud800-\udfff]"


def check(policy: Any, *, is_required: bool) -> dict[str, Any] | None:
    """Return the policy, fit to be recorded; None if none was given and none is required.

    Raises:
        PolicyMetadataRequired: None was given.
        PolicyValidationFailed: A field is wrong; the message names it, never its value.
    """
    if policy is None and not is_required:
        return None
    if policy is None or (isinstance(policy, str) and not policy.strip()):
        raise PolicyMetadataRequired(
            "this call needs policy metadata (--policy, or 'policy' in the request):"
            f" {', '.join(REQUIRED_TEXTS)} and dangerous_flags"
        )
    if not isinstance(policy, dict):
        raise _failed(WHOLE, f"it must be a JSON object{_why_not(policy)}")
    try:
        strict_json.check(policy)
    except RequestMalformed as error:
        raise _failed(WHOLE, error.message) from error
    _check_shape(policy)
    for field, text in _texts(_in_order(policy), ""):
        _check_text(field, text)
    return {RESTRICTIONS: None} | policy


def _why_not(policy: Any) -> str:
    """What is wrong with a text from the command line; a text in a request is judged alike."""
    if not isinstance(policy, str):
        return ""
    try:
        strict_json.parse_object(policy.encode("utf-8", "surrogatepass"))
    except RequestMalformed as error:
        return f" ({error.message})"
    return ", not a string with JSON in it"


def _check_shape(policy: dict[str, Any]) -> None:
    for name, example in REQUIRED_TEXTS.items():
        if not isinstance(policy.get(name), str):
            problem = "it must be a string" if name in policy else "it is missing: give a string"
            raise _failed(name, f'{problem}, such as "{example}"')
    flags = policy.get(FLAGS)
    if not isinstance(flags, list):
        problem = "it must be a list" if FLAGS in policy else "it is missing: give a list"
        raise _failed(FLAGS, f'{problem} of strings, such as [] or ["--no-cache"]')
    for position, flag in enumerate(flags):
        if not isinstance(flag, str):
            raise _failed(f"{FLAGS}[{position}]", 'it must be a string, such as "--no-cache"')
    if not isinstance(policy.get(RESTRICTIONS), str | None):
        raise _failed(RESTRICTIONS, "it must be a string or null")


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
    if _compiled(LONE_SURROGATE).search(text):
        raise _failed(field, "it has an unpaired surrogate; send valid Unicode text")
    for reading in credentials.readings(text):
        if _compiled(BANNED_FLAG).search(reading):
            raise _failed(field, "it contains a flag that this host never records or allows")
        if _compiled(SECRET_WORD).search(_without_harmless(reading)):
            raise _failed(field, UNFIT)
    if credentials.find(text):
        raise _failed(field, UNFIT)


def _without_harmless(text: str) -> str:
    """The text with each harmless phrase removed, until there is none."""
    count = 1
    while count:
        text, count = _compiled(HARMLESS_PHRASE).subn(REMOVED, text)
    return text


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | re.IGNORECASE)


def _failed(field: str, problem: str) -> PolicyValidationFailed:
    where = "policy" if field == "policy" else f"policy, at {field}"
    return PolicyValidationFailed(f"{where}: {problem}", field=field)
