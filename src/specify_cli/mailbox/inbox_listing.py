"""The last listing of an inbox, divided by the limits on waiting requests."""

from __future__ import annotations

import time
from collections import deque

from specify_cli.mailbox.inbox import Inbox, Landed
from specify_cli.mailbox.unmovable_files import UnmovableFiles
from specify_cli.mailbox.waiting_limits import WaitingLimits

# A listing is used up before the next one, unless it is older than this, or than ten times its own duration.
LISTING_S = 1.0


class InboxListing:
    """Entries that were listed and not taken yet.

    Attributes:
        accepted: The oldest entries, as many as the limits allow.
        excess: Later entries, which are to be refused.
        exceeded: The limit that the excess exceeds.
        unmovable: Entries that cannot be moved out of the inbox; the listing skips them.
    """

    def __init__(self, inbox: Inbox, limits: WaitingLimits, *, unmovable: UnmovableFiles) -> None:
        self.accepted: deque[Landed] = deque()
        self.excess: deque[Landed] = deque()
        self.exceeded = ""
        self.unmovable = unmovable
        self._inbox = inbox
        self._limits = limits
        self._stale_at = 0.0

    @property
    def is_due(self) -> bool:
        """Whether the inbox should be listed again."""
        return not (self.accepted or self.excess) or time.monotonic() > self._stale_at

    def refresh(self, count: int, size: int, *, most: int) -> None:
        """List the oldest `most` entries; `count` requests of `size` bytes wait already.

        Raises:
            StorageFailed, OSError: the disk failed.
        """
        began = time.monotonic()
        listed = self._inbox.landed(most)
        self.unmovable.keep_only(listed)
        found = [landed for landed in listed if not self.unmovable.skips(landed)]
        self.accepted.clear()
        for landed in found:
            count, size = count + 1, size + self._limits.cost(landed.size)
            if exceeded := self._limits.exceeded(count, size):
                self.exceeded = exceeded
                break
            self.accepted.append(landed)
        self.excess = deque(found[len(self.accepted) :])
        ended = time.monotonic()
        self._stale_at = ended + max(LISTING_S, 10 * (ended - began))

    def clear(self) -> None:
        """Forget the listing."""
        self.accepted.clear()
        self.excess.clear()
        self._stale_at = 0.0
