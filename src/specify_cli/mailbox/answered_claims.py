"""Claims of answered requests, kept until their replies are durable."""

from __future__ import annotations

import threading

from specify_cli.errors import SpecKittyError
from specify_cli.files import folders
from specify_cli.mailbox.claims import Claim
from specify_cli.mailbox.outbox import Outbox


class AnsweredClaims:
    """The answered claims of one mailbox.

    Until the reply is durable, the claim is what makes a later worker publish it again.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._claims: dict[str, Claim] = {}
        self._retiring = threading.Lock()

    def __len__(self) -> int:
        return len(self._claims)

    def add(self, claim: Claim) -> None:
        """Note that the reply to this claim was published."""
        self._claims[claim.claim_id] = claim

    def ids(self) -> set[str]:
        """Return the ids of the claims that may still exist."""
        return {*self._claims}

    def retire(self) -> None:
        """Sync the replies that were published before this call, and remove their claims.

        Does nothing while another thread does the same.

        Raises:
            StorageFailed, OSError: the disk failed; nothing is lost.
        """
        if not self._retiring.acquire(blocking=False):
            return
        try:
            claims = [*self._claims.values()]
            if claims:
                self._sync(claims)
            self._remove(claims)
        finally:
            self._retiring.release()

    def drop(self) -> None:
        """Remove the claims without a sync, for a mailbox whose replies were deleted with it.

        Raises:
            StorageFailed, OSError: the disk failed.
        """
        self._remove([*self._claims.values()])

    def _sync(self, claims: list[Claim]) -> None:
        try:
            self._outbox.sync()
        except (SpecKittyError, OSError):
            # The kernel reports a failed write only once. So these claims count as not answered.
            self._outbox.distrust(claim.stem for claim in claims)
            for claim in claims:
                self._claims.pop(claim.claim_id, None)
            raise

    def _remove(self, claims: list[Claim]) -> None:
        with folders.kept_open():
            for claim in claims:
                claim.retire()
                self._claims.pop(claim.claim_id, None)
