"""The error of a workspace that cannot be allocated."""

from __future__ import annotations

from collections.abc import Sequence


class AllocationFailed(Exception):
    """An execution lane cannot get its workspace; `reason` says why and what to do.

    `code` names the case; `files` are the files concerned.
    """

    def __init__(
        self, reason: str, *, code: str = "unavailable", files: Sequence[str] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.files = tuple(files)
