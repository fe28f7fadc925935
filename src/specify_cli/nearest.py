"""What somebody meant who wrote a name a little wrong."""

from __future__ import annotations

from collections.abc import Iterable


def guess(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'status'?` for the known name that is nearest; empty where none is near."""
    # Inside the function: only a refusal needs it, and every start-up would pay.
    from difflib import get_close_matches

    near = get_close_matches(name[:80], list(known), n=1, cutoff=0.7)
    return f"; did you mean {near[0]!r}?" if near else ""
