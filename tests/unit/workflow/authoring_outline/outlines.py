"""Helpers of the tests of the outline."""

from __future__ import annotations

from collections.abc import Collection

from specify_cli.core.dependencies import Graph
from specify_cli.errors import UsageError
from specify_cli.workflow.authoring_outline import NO_GRAPH, read_outline


def file_with(part: str) -> str:
    return f"# Packages\n\n## WP01 A\n\nText.\n\n## WP02 B\n\n{part}\n\n## WP03 C\n"


def needs(text: str) -> dict[str, tuple[str, ...]]:
    return {wp_id: tuple(draft.dependencies) for wp_id, draft in read_outline(text).items()}


def refusal(text: str) -> str:
    message = said_of(text)
    assert message
    return message


def said_of(text: str, existing: Collection[str] = (), graph: Graph = NO_GRAPH) -> str:
    """The message of the refusal; empty if the text is accepted."""
    try:
        read_outline(text, existing, graph=graph)
    except UsageError as refused:
        return refused.message
    return ""
