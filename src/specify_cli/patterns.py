"""Regular expressions that are compiled when they are first used: a call needs few of those that it loads."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from re import compile as pattern
    from typing import Any
else:

    class pattern:  # noqa: N801  as `re.compile`, in whose place it stands
        """Stands for `re.compile(text, flags)`."""

        def __init__(self, text: str, flags: int = 0) -> None:
            self._text = text
            self._flags = flags

        def __getattr__(self, name: str) -> Any:
            found = getattr(re.compile(self._text, self._flags), name)
            setattr(self, name, found)  # So that only the first use comes here.
            return found


__all__ = ["pattern"]
