"""A logger that imports `logging` with its first message, because few calls log and it loads slowly."""

from __future__ import annotations


class DeferredLog:
    """Stands for `logging.getLogger(name)`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def warning(self, message: str, *args: object) -> None:
        """Log a warning; as `Logger.warning`."""
        import logging

        logging.getLogger(self._name).warning(message, *args)
