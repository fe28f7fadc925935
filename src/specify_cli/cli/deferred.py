"""Modules that are loaded when they are used, so that a help page is there in an instant."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is slow to load.
    from typing import Any


class Deferred:
    """Stands for the module `name`, which is imported when something in it is first asked for.

    Bind it where the type checker does not look, and import the module itself where it does:
    `if TYPE_CHECKING: from specify_cli import bootstrap`, `else: bootstrap = Deferred(..)`. So the
    types stay, and the rules about who imports whom are still checked.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)
