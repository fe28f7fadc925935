"""A logger that is loaded with its first message: few calls have any, and `logging` loads slowly."""

from __future__ import annotations


class DeferredLog:
    """Stands for `logging.getLogger(name)`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def warning(self, message: str, *args: object) -> None:
        """As `Logger.warning`."""
        import logging

        logging.getLogger(self._name).warning(message, *args)
