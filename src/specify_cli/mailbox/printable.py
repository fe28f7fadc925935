"""Words of strangers cannot play with the terminal, nor show a credential there or in a log."""

from __future__ import annotations


def printable(text: str) -> str:
    """`text` as `escaped` has it, and credentials masked."""
    # A client that waits for a mailbox says nothing most of the time, and starts sooner without.
    from specify_cli import credentials  # noqa: PLC0415

    return escaped(credentials.masked(text))


def escaped(text: str) -> str:
    r"""`text` with everything that is not plainly printable written as `\x1b` and the like."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
