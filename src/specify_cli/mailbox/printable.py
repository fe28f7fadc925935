"""Make text from others safe for terminals and logs: no control characters, no credentials."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return `text` escaped, with credentials masked."""
    # Imported late: a client that waits for a mailbox seldom prints, and starts faster without.
    from specify_cli import credentials  # noqa: PLC0415

    return escaped(credentials.masked(text))


def escaped(text: str) -> str:
    r"""Return `text` with every character that is not printable written as an escape such as `\x1b`."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text
    )
