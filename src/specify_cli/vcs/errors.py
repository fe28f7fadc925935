"""The errors that several modules of this package raise."""

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


class CheckoutBlocked(Exception):
    """An update would overwrite uncommitted changes; nothing was touched."""

    def __init__(self, obstacles: list[str]) -> None:
        super().__init__("; ".join(obstacles))
        self.obstacles = obstacles


class TargetMoved(Exception):
    """The branch left the expected commit meanwhile; nothing was changed."""


class MergeConflict(Exception):
    """Two histories change the same lines of `paths`; nothing has moved.

    Where it is known, `brought` names what was merged: the commit `theirs`, into `ours`.
    """

    def __init__(
        self, paths: Sequence[str], *, brought: str = "", ours: str = "", theirs: str = ""
    ) -> None:
        super().__init__(", ".join(paths))
        self.paths = tuple(paths)
        self.brought = brought
        self.ours = ours
        self.theirs = theirs


class NotReplayed(Exception):
    """A rebase cannot write a commit anew, or would lose work. Nothing has moved."""


class LimitExceeded(Exception):
    """The commits exceed a limit; `measure` says which."""

    def __init__(self, measure: str, *, path: str = "") -> None:
        super().__init__(measure)
        self.measure = measure
        self.path = path
