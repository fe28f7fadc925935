"""Words of strangers cannot play with the terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""`text` with everything that is not plainly printable written as `\x1b` and the like."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
