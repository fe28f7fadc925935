"""Turn titles into names of files and folders."""

from __future__ import annotations

import re
import unicodedata

LONGEST_SLUG = 60


def slug_of(text: str) -> str:
    """Return the text as lower-case words joined by hyphens; in ASCII if it has an ASCII letter."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    if not re.search(r"[a-z]", plain):
        return _in_its_script(text) or re.sub(r"[^0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")


def _in_its_script(text: str) -> str:
    """Return the letters, marks and digits of a title in another script; empty if it has no letter."""
    # Composed, as all systems except one write names of files.
    composed = unicodedata.normalize("NFC", text.lower())
    kept = (c if c.isprintable() and unicodedata.category(c)[0] in "LMN" else "-" for c in composed)
    words = re.sub(r"-+", "-", "".join(kept)).strip("-")
    while len(words.encode()) > LONGEST_SLUG * 2:  # The limit of file names is in bytes.
        words = words[:-1].rstrip("-")
    return words if any(map(str.isalpha, words)) else ""
