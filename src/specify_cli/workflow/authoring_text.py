"""How titles become names of files and folders."""

from __future__ import annotations

import re
import unicodedata

LONGEST_SLUG = 60


def slug_of(text: str) -> str:
    """The text as lower-case words joined by hyphens: ASCII where it has any letter of that."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    if not re.search(r"[a-z]", plain):
        return _in_its_script(text) or re.sub(r"[^0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")
    return re.sub(r"[^a-z0-9]+", "-", plain)[:LONGEST_SLUG].strip("-")


def _in_its_script(text: str) -> str:
    """The letters, marks and digits of a title in another script; nothing where it has no letter."""
    # Composed, as every system but one writes names of files.
    composed = unicodedata.normalize("NFC", text.lower())
    kept = (c if c.isprintable() and unicodedata.category(c)[0] in "LMN" else "-" for c in composed)
    words = re.sub(r"-+", "-", "".join(kept)).strip("-")
    while len(words.encode()) > LONGEST_SLUG * 2:  # Names of files are bounded in bytes.
        words = words[:-1].rstrip("-")
    return words if any(map(str.isalpha, words)) else ""
