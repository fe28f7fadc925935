"""Which names belong to an orchestrator, and which programs are agents."""

from __future__ import annotations

import re

CONTRACT_NAMES = frozenset(
    {
        "orchestrator-api",
        "orchestrator_api",
        "orchestrator-id",
        "orchestrator_id",
        "orchestrator-version",
        "orchestrator_version",
    }
)

AGENT_PROGRAMS = frozenset(
    {
        "aider",
        "amp",
        "auggie",
        "claude",
        "claude-code",
        "cline",
        "codex",
        "copilot",
        "crush",
        "cursor",
        "cursor-agent",
        "droid",
        "gemini",
        "goose",
        "kilocode",
        "kiro",
        "openhands",
        "opencode",
        "qwen",
        "roo",
        "windsurf",
    }
)

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_VERB = re.compile(r"orch|orchestra|orchestrat(e|es|ing)(run|start|all|auto|mission|loop)?")


def names_an_orchestrator(name: str) -> bool:
    """Whether a command or module of this name would be an orchestrator.

    A word in it begins with `orch`, in any case, or the letters of `orchestr` stand in it whatever
    separates them. Exactly the names of the contract are let through, in exactly their spelling.
    """
    if name in CONTRACT_NAMES:
        return False
    letters = re.sub(r"[^a-z]", "", name.casefold())
    words = (word.casefold() for word in _WORD.findall(name))
    return "orchestr" in letters or any(word.startswith("orch") for word in words)


def is_the_verb(text: str) -> bool:
    """Whether the whole text is the removed command: what a shim would compare with."""
    return _VERB.fullmatch(re.sub(r"[\s._-]", "", text.casefold())) is not None


def program_of(text: str) -> str:
    """The bare name of the program that a path or a command line starts with."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    name = re.split(r"[/\\]", first)[-1].casefold()
    return re.sub(r"\.(exe|cmd|bat|sh|js)$", "", name)
