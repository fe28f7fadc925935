"""How titles become names of files and folders."""

from __future__ import annotations

import re
import unicodedata

LONGEST_SLUG = 60


def slug_of(text: str) -> str:
    """The text as lower-case ASCII words joined by hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
