"""Everything that lands gets its one answer: a reply under its name, or a dead letter."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from specify_cli import clock
from specify_cli.errors import CorrelationIdConflict, RequestMalformed, RequestTooLarge
from specify_cli.mailbox.dead_letters import DeadLetters, Stray
from specify_cli.mailbox.inbox import Claim, Inbox, Landed
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.outbox import Outbox, sweep_temporaries
from specify_cli.mailbox.printable import printable
from specify_cli.mailbox.protocols import Answer, Dispatcher, Log
from specify_cli.mailbox.settings import WorkerSettings
from specify_cli.storage.safe_read import NotRegular, TooLarge


class Desk:
    """Where one worker settles one inbox; what is not settled yet is in `pending`."""

    def __init__(
        self,
        layout: MailboxLayout,
        dispatcher: Dispatcher,
        *,
        settings: WorkerSettings,
        log: Log,
    ) -> None:
        self.inbox = Inbox(layout.inbox, claimed=layout.claimed)
        self.pending: list[Claim] = []
        self._layout = layout
        self._dispatcher = dispatcher
        self._settings = settings
        self._orchestrator = settings.orchestrators[0]
        self._log = log
        self._outbox = Outbox(layout.outbox)
        self.dead_letters = DeadLetters(layout.dead_letters, refuse=self._refuse_dead_letter)

    def recover(self) -> None:
        """What an earlier worker, or a disk that refused, left half done is known or completed.

        Raises:
            SpecKittyError: an answer could not be recorded.
            OSError: the disk failed.
        """
        self._layout.ensure()
        self._outbox.sweep()
        sweep_temporaries(self._layout.dead_letters)
        self.dead_letters.finish(self.inbox.hidden)
        self.pending = self.inbox.claims()

    def look_again(self, is_stopping: Callable[[], bool]) -> None:
        """Every pending claim is settled, unless it still is half written or the worker stops.

        Raises:
            SpecKittyError, OSError: as for `recover`; the rest stays pending.
        """
        for claim in list(self.pending):
            if is_stopping():
                return
            self._settle(claim)

    def take(self, landed: Landed) -> None:
        """What landed is settled, or pending.

        Raises:
            SpecKittyError, OSError: as for `recover`; nothing is lost.
        """
        stem = landed.stem
        if stem is None:
            self._set_aside_unnamed(landed.name)
            return
        claim = self.inbox.claim(landed.name, stem)
        if claim is not None:
            self.pending.append(claim)
            self._settle(claim)

    def _settle(self, claim: Claim) -> None:
        try:
            raw = claim.read(self._orchestrator.max_request_bytes)
            if self._is_half_written(claim, raw):
                return
        except FileNotFoundError:
            self._log(f"{claim.path.name}: taken away before it was answered")
        except NotRegular as error:
            self._set_aside_claim(claim, why=f"{claim.stem}.json {error}")
        except TooLarge as error:
            self._deliver(claim, self._refuse_oversized(claim, error))
        else:
            identity = self.inbox.identity
            self._deliver(
                claim, self._dispatcher.answer_bytes(raw, stem=claim.stem, identity=identity)
            )
        self.pending.remove(claim)

    def _is_half_written(self, claim: Claim, raw: bytes) -> bool:
        """Whether a careless client may still be writing it."""
        if _parses(raw):
            return False
        now = clock.now().timestamp()
        # A date in the future, or one renewed for ever, must not put the answer off for ever.
        is_young = abs(now - claim.written_at()) < self._settings.grace_s
        return is_young and now - claim.since < self._settings.patience_s

    def _deliver(self, claim: Claim, answer: Answer) -> None:
        if _is_conflict(answer):
            self._set_aside_claim(claim, why=answer.envelope["data"]["message"], answer=answer)
            return
        self._outbox.publish(claim.stem, answer.reply)
        # Only now: until the reply is durable, the claim is what brings the answer back.
        claim.path.unlink(missing_ok=True)
        self._report(answer.envelope, is_repeat=answer.is_repeat)

    def _set_aside_claim(self, claim: Claim, *, why: str, answer: Answer | None = None) -> None:
        self._set_aside(
            Stray(
                name=f"{claim.stem}.json",
                identity=self.inbox.identity,
                why=why,
                move=lambda folder, name: self.inbox.move(claim.path, folder, name),
                envelope=None if answer is None else answer.envelope,
            )
        )

    def _set_aside_unnamed(self, name: str) -> None:
        self._set_aside(
            Stray(
                name=name,
                identity=self.inbox.identity,
                why=f"'{ascii(name)[1:-1]}' is no name that a request can be answered under: "
                "<correlation_id>.json, 1 to 128 of A-Z a-z 0-9 . _ -, no dot first, not 'worker'",
                move=lambda folder, new_name: self.inbox.move(
                    self.inbox.folder / name, folder, new_name
                ),
            )
        )

    def _set_aside(self, stray: Stray) -> None:
        envelope = self.dead_letters.set_aside(stray)
        if envelope is not None:
            self._report(envelope, note=f" dead letter: {stray.why}")

    def _refuse_oversized(self, claim: Claim, error: TooLarge) -> Answer:
        refusal = RequestTooLarge(
            f"{claim.stem}.json {error} bytes allowed; send less, or raise the bound",
            max_bytes=self._orchestrator.max_request_bytes,
        )
        return self._dispatcher.refuse(refusal, stem=claim.stem, identity=self.inbox.identity)

    def _refuse_dead_letter(self, letter_id: str, why: str) -> Mapping[str, Any]:
        return self._dispatcher.refuse(
            RequestMalformed(why), stem=None, identity=self.inbox.identity, dead_letter=letter_id
        ).envelope

    def _report(
        self, envelope: Mapping[str, Any], *, is_repeat: bool = False, note: str = ""
    ) -> None:
        outcome = envelope["error_code"] or "OK"
        words = (
            f"{clock.timestamp()} mailbox {self.inbox.identity} {envelope['command']} "
            f"{envelope['correlation_id']} {outcome}{' (repeated)' if is_repeat else ''}{note}"
        )
        self._log(printable(words))


def _parses(raw: bytes) -> bool:
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return True


def _is_conflict(answer: Answer) -> bool:
    return answer.envelope["error_code"] == CorrelationIdConflict.code and not answer.is_repeat
