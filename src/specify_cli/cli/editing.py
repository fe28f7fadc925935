"""Let a person at a terminal edit a text in the editor of their own configuration, as git does."""

from __future__ import annotations

import click


def edited(text: str) -> str | None:
    """Return the text as $VISUAL or $EDITOR leaves it; None if there is none."""
    return click.edit(text, extension=".md", require_save=False)
