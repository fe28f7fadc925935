"""Suggestions for misspelled names."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one; None if none is near."""
    # Imported here, because only an error message needs it.
    from difflib import get_close_matches

    near = get_close_matches(name[:80], list(known), n=1, cutoff=0.7)
    return near[0] if near else None


def guess(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'status'?` with the nearest known name; empty if none is near."""
    near = nearest(name, known)
    return f"; did you mean {near!r}?" if near else ""
