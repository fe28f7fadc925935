"""The kinds of faults at a call, and the calls that each can strike."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.faults.shim import (
    EVERY_OP,
    FAIL,
    JUMP,
    KILL_AFTER,
    KILL_BEFORE,
    SHORT,
    Call,
    Orders,
    mask,
)

GROWING = mask("open", "write", "mkdir", "rename", "link", "symlink", "sync", "syncfs")
NAMING = mask("open", "rename", "unlink", "mkdir", "rmdir", "link", "symlink", "truncate", "chmod")
TEN_YEARS_S = 315_360_000


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of fault, and the calls of a run without faults at which it applies."""

    name: str
    action: int
    value: int = 0
    mask: int = EVERY_OP
    from_on: bool = False
    orphans: bool = False
    only: Callable[[Call, int], bool] = lambda call, worker: True

    def orders(self, at: int) -> Orders:
        """The fault for that call."""
        return Orders(
            at=at,
            action=self.action,
            value=self.value,
            mask=self.mask,
            from_on=self.from_on,
            orphans=self.orphans,
        )

    def points(self, calls: Sequence[Call]) -> list[int]:
        """The numbers of the calls at which it can be injected."""
        worker = calls[0].pid if calls else 0
        return [
            call.number for call in calls if self.mask & mask(call.op) and self.only(call, worker)
        ]


def _creates(call: Call, worker: int) -> bool:
    return call.op != "open" or bool(call.flags & os.O_CREAT)


def _in_git(call: Call, worker: int) -> bool:
    return call.pid != worker


def _failing(name: str, number: int, **more: object) -> Kind:
    return Kind(name=name, action=FAIL, value=number, **more)  # type: ignore[arg-type]


KINDS = {
    kind.name: kind
    for kind in (
        Kind(name="kill-before", action=KILL_BEFORE),
        Kind(name="kill-after", action=KILL_AFTER),
        Kind(name="orphaned-git", action=KILL_BEFORE, orphans=True, only=_in_git),
        _failing("enospc", errno.ENOSPC, mask=GROWING, only=_creates),
        _failing("eio", errno.EIO),
        _failing("erofs", errno.EROFS, mask=NAMING),
        _failing("emfile", errno.EMFILE, mask=mask("open")),
        Kind(name="short-write", action=SHORT, mask=mask("write")),
        _failing("full-from-on", errno.ENOSPC, mask=GROWING, from_on=True, only=_creates),
        _failing("read-only-from-on", errno.EROFS, mask=NAMING, from_on=True),
        Kind(name="clock-forward", action=JUMP, value=TEN_YEARS_S),
        Kind(name="clock-back", action=JUMP, value=-TEN_YEARS_S),
    )
}
