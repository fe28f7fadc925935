"""Format prompts of work packages and review feedback for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FENCE = "---"


def prompt_text(prompt: str) -> str:
    """Return the prompt without its front matter, with control characters escaped."""
    from specify_cli.mailbox import printable

    # The same rule as in the host, so that no part of the prompt is hidden.
    lines = prompt.split("\n")
    if lines[0].rstrip() == FENCE:
        end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), 0)
        lines = lines[end + 1 :]
    shown = [printable.printable(line.expandtabs(4)) for line in lines]
    return "\n".join(shown).strip()


def feedback_lines(feedback: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield the lines of the newest review that requested changes, if there is one."""
    if feedback is None:
        return
    text = feedback.get("text", "")
    reference = feedback.get("reference") or ""
    # `review` refers to the reviewer, who is named anyway.
    if reference.endswith(f" by {feedback['reviewer']}"):
        reference = ""
    about = f" ({reference})" if reference else ""
    yield f"changes requested by {feedback['reviewer']}{about}{':' if text else ''}"
    for line in text.splitlines():
        yield f"  {line.expandtabs(4)}"
    if feedback.get("is_cut"):
        yield "  ... the note is longer: see the event log"
    if feedback.get("feedback_path"):
        yield f"  see {feedback['feedback_path']}"
