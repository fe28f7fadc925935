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
