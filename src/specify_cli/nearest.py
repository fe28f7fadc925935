"""Suggestions for misspelled names."""

from __future__ import annotations

from collections.abc import Iterable


def guess(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'status'?` with the nearest known name; empty if none is near."""
    # Imported here, because only an error message needs it.
    from difflib import get_close_matches

    near = get_close_matches(name[:80], list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]!r}?" if near else ""
