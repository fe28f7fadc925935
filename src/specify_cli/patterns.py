"""Regular expressions that are compiled at their first use: a call uses few of those that it loads."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from re import compile as pattern
    from typing import Any
else:

    class pattern:  # noqa: N801  named like a function, as it replaces `re.compile`
        """A lazy `re.compile(text, flags)`."""

        def __init__(self, text: str, flags: int = 0) -> None:
            self._text = text
            self._flags = flags

        def __getattr__(self, name: str) -> Any:
            found = getattr(re.compile(self._text, self._flags), name)
            setattr(self, name, found)  # Later uses do not call __getattr__.
            return found


__all__ = ["pattern"]
