"""Prompts of work packages and what reviews asked for, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FENCE = "---"


def prompt_text(prompt: str) -> str:
    """The prompt without its front matter, unable to play with a terminal."""
    from specify_cli.mailbox import printable

    # As the host reads it: what is below a fence that only looks like one would stay hidden.
    lines = prompt.split("\n")
    if lines[0].rstrip() == FENCE:
        end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), 0)
        lines = lines[end + 1 :]
    shown = [printable.printable(line.expandtabs(4)) for line in lines]
    return "\n".join(shown).strip()


def feedback_lines(feedback: Mapping[str, Any] | None) -> Iterator[str]:
    """What the newest review that sent the package back asked for; no line without one."""
    if feedback is None:
        return
    reference = feedback.get("reference")
    about = f" ({reference})" if reference else ""
    yield f"changes requested by {feedback['reviewer']}{about}:"
    for line in feedback.get("text", "").splitlines():
        yield f"  {line.expandtabs(4)}"
    if feedback.get("is_cut"):
        yield "  ... the note is longer: see the event log"
    if feedback.get("feedback_path"):
        yield f"  see {feedback['feedback_path']}"
