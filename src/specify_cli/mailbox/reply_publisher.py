"""Publish the replies of one mailbox so that a redaction prevails over them, whichever comes first.

A redaction rewrites the replies that it finds. The reply to a request that was answered before it, and is
published after it, would have the text again.
"""

from __future__ import annotations

from specify_cli.mailbox.outbox import Outbox
from specify_cli.mailbox.protocols import Answer
from specify_cli.mailbox.settings import WorkerContext
from specify_cli.storage import records


class ReplyPublisher:
    """Publishes replies to requests; several threads may call it at once."""

    def __init__(self, outbox: Outbox, context: WorkerContext, *, identity: str) -> None:
        self.redaction = 0
        """The newest redaction that is known; read it before a request is answered."""
        self._outbox = outbox
        self._dispatcher = context.dispatcher
        self._layout = context.layout
        self._identity = identity

    def publish(self, stem: str, answer: Answer, *, redaction: int) -> None:
        """Publish the reply; if there is a newer redaction than `redaction`, make it what the record has.

        Call this before the claim counts as answered: the next worker does the same for a claim that is left.

        Raises:
            SpecKittyError: the disk failed, or the record cannot be read; the request can be processed again.
        """
        self._outbox.publish(stem, answer.reply)
        record = records.found(self._layout)
        newest = record.newest_redaction() if record else 0
        if newest != redaction:
            recorded = self._dispatcher.recorded(stem, identity=self._identity)
            if recorded is not None:
                self._outbox.replace(stem, recorded.reply)
            self.redaction = newest

    def republish(self, stem: str) -> bool:
        """Publish the recorded reply of an earlier worker; return whether there is one.

        Raises:
            SpecKittyError: as `publish`.
        """
        answer = self._dispatcher.recorded(stem, identity=self._identity)
        if answer is not None:
            self.publish(stem, answer, redaction=0)
        return answer is not None
