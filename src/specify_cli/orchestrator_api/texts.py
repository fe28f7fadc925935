"""Text types of arguments, and help texts that commands share."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from specify_cli.orchestrator_api.arguments import NotBlank, NotEmpty

Name: TypeAlias = Annotated[str, NotEmpty]
"""A text of at least one character."""

Words: TypeAlias = Annotated[str, NotBlank]
"""A text with at least one character that is not blank."""

MISSION = "Folder, id, number or bare name."
PACKAGE = "Package, such as WP01."
ACTOR = "Name to record."
LONGEST_TITLE = 500


def shown_title(title: str) -> str:
    """Return the title as it is in an answer."""
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"
