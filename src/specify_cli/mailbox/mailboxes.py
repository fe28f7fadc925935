"""The mailboxes of one worker: those in `config.toml`, and those that it finds in the inbox."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial
from pathlib import Path
from typing import Any

from specify_cli.errors import RequestMalformed, StorageFailed
from specify_cli.files import folders
from specify_cli.mailbox.daily_quota import DailyQuota
from specify_cli.mailbox.dead_letters import DeadLetters
from specify_cli.mailbox.executor import KeyedExecutor
from specify_cli.mailbox.heartbeat import HeartbeatReport
from specify_cli.mailbox.inbox import Inbox, Landed, is_in_progress
from specify_cli.mailbox.intake import Intake
from specify_cli.mailbox.layout import DEFAULT, is_name
from specify_cli.mailbox.outbox import Outbox
from specify_cli.mailbox.processor import Processor
from specify_cli.mailbox.settings import Orchestrator, WorkerContext
from specify_cli.protocol import CLAIM_PREFIX, SUFFIX
from specify_cli.storage import record_additions, records

# Called with the name of a mailbox and its open inbox. Returns whether file events report later entries.
OnLook = Callable[[str, int], bool]


class Mailboxes:
    """The intake of each orchestrator, by its name."""

    def __init__(
        self,
        context: WorkerContext,
        *,
        executor: KeyedExecutor,
        on_look: OnLook,
    ) -> None:
        self.intakes: dict[str, Intake] = {}
        self.dead_letters = DeadLetters(context.layout, refuse=self._refuse)
        self._context = context
        self._layout = context.layout
        self._executor = executor
        self._daily: dict[str, DailyQuota] = {}
        self._additions: dict[str, tuple[Mapping[str, int], Mapping[str, int]]] = {}
        self._on_look = on_look
        self._bound = context.settings.max_ungranted
        self._granted = {one.identity: one for one in context.settings.orchestrators}
        for identity in dict.fromkeys([DEFAULT, *self._granted, *self._left_behind()]):
            self._open(identity)

    @property
    def granted(self) -> Set[str]:
        """The orchestrators to which `config.toml` grants anything."""
        return self._granted.keys()

    def regrant(self, orchestrators: Sequence[Orchestrator]) -> None:
        """Apply new grants: to open mailboxes at once, and by opening those of new orchestrators."""
        self._granted = {one.identity: one for one in orchestrators}
        for identity, intake in self.intakes.items():
            intake.regrant(self._orchestrator(identity))
        for identity, quota in self._daily.items():
            quota.bounds = self._orchestrator(identity)
        for identity in self._granted.keys() - self.intakes.keys():
            self._open(identity)

    def _orchestrator(self, identity: str) -> Orchestrator:
        return self._granted.get(identity) or Orchestrator(identity=identity, commands=())

    def is_granted(self, identity: str) -> bool:
        """Return whether `config.toml` grants anything to the orchestrator."""
        return identity in self._granted

    def find(self) -> bool:
        """Open the mailboxes that appeared; other folders in the inbox become dead letters.

        Returns:
            Whether a mailbox was opened.

        Raises:
            SpecKittyError, OSError: the disk failed.
        """
        names = self.intakes[DEFAULT].inbox.subfolders - self.intakes.keys()
        count = len(self.intakes)
        for name in sorted(names):
            if not self.intakes[DEFAULT].unmovable.skips(Landed(0, name)):
                self._admit(name)
        return len(self.intakes) > count

    def recover(self, intake: Intake) -> None:
        """Complete the dead letters that were begun, and find the unanswered claims.

        Raises:
            SpecKittyError, OSError: the disk failed.
        """
        self._layout.ensure_mailbox(intake.identity, owner_uid=intake.orchestrator.owner_uid)
        intake.inbox.follow(self._layout.paths(intake.identity))
        self.dead_letters.finish(self._hidden)
        intake.recover()

    def is_gone(self, intake: Intake, error: Exception) -> bool:
        """Return whether this is a mailbox without a grant whose folder was removed.

        The error counts too, because the folder may have been created again since.
        """
        if self.is_granted(intake.identity) or intake.identity == DEFAULT:
            return False
        was_missing = isinstance(error.__cause__, FileNotFoundError)
        return was_missing or not os.path.lexists(intake.inbox.folder)

    def heartbeat(self, intake: Intake) -> HeartbeatReport:
        """Return what the heartbeat of the mailbox says."""
        orchestrator = intake.orchestrator
        return HeartbeatReport(
            self._layout.paths(intake.identity),
            # The first beat needs the folder. If that fails, recovery reports why.
            prepare=partial(
                self._layout.ensure_mailbox, intake.identity, owner_uid=orchestrator.owner_uid
            ),
            commands=orchestrator.commands,
            measure=intake.backlog,
            in_progress=intake.in_progress,
            parked_reads=intake.parked.__len__,
        )

    def close(self, intake: Intake) -> bool:
        """Close the mailbox unless it has unanswered requests; return whether it is closed."""
        if intake.has_work() or self._executor.pending(intake.identity)[0]:
            return False
        intake.answered.drop()
        del self.intakes[intake.identity]
        return self._executor.forget(intake.identity)

    # Open mailboxes.

    def _left_behind(self) -> list[str]:
        """Return the orchestrators with claims of an earlier worker, which are answered even without a grant."""
        found = []
        for identity in self._layout.identities()[1:]:
            claimed = self._layout.paths(identity).claimed
            if folders.exists(claimed, below=self._layout.host_base) and os.listdir(claimed):
                found.append(identity)
        return found

    def _open(self, identity: str) -> None:
        orchestrator = self._orchestrator(identity)
        paths = self._layout.paths(identity)
        inbox = Inbox(paths, on_look=lambda folder: self._on_look(identity, folder))
        processor = Processor(
            self._context,
            inbox,
            outbox=Outbox(paths),
            orchestrator=orchestrator,
            dead_letters=self.dead_letters,
        )
        self.intakes[identity] = Intake(
            self._context,
            inbox,
            processor,
            orchestrator=orchestrator,
            executor=self._executor,
            daily=self._daily_quota(orchestrator),
        )

    def _daily_quota(self, orchestrator: Orchestrator) -> DailyQuota:
        """Return the quota, which outlives the mailbox: removing the folder does not reset it."""
        identity = orchestrator.identity
        if identity not in self._daily:
            self._daily[identity] = DailyQuota(orchestrator, partial(self._used_since, identity))
        return self._daily[identity]

    def _used_since(self, identity: str, since: str) -> tuple[int, int]:
        """Return how many requests of the orchestrator were recorded since then, and their bytes."""
        # Several threads may do this.
        found = self._additions.get(since)
        if found is None:
            record = records.found(self._layout)
            found = record_additions.added_since(record, since) if record else ({}, {})
            self._additions = {since: found}
        requests, sizes = found
        return requests.get(identity, 0), sizes.get(identity, 0)

    def _admit(self, name: str) -> None:
        if not self._holds_something(name):
            return
        ungranted = len(self.intakes.keys() - self._granted.keys() - {DEFAULT})
        if is_name(name) and ungranted < self._bound:
            self._open(name)
        else:
            self.intakes[DEFAULT].set_aside(Landed(0, name), why=_why_not(name, self._bound))

    def _holds_something(self, name: str) -> bool:
        try:
            with folders.opened(self._layout.inbox / name, below=self._layout.root) as folder:
                self._on_look(name, folder)
                names = os.listdir(folder)
        except StorageFailed:
            # The folder is gone or was replaced. The next listing shows which.
            return False
        return any(not is_in_progress(name) or name.startswith(CLAIM_PREFIX) for name in names)

    # Dead letters.

    def _refuse(self, letter_id: str, why: str, identity: str) -> Mapping[str, Any]:
        return self._context.dispatcher.refuse(
            RequestMalformed(why), stem=None, identity=identity, dead_letter=letter_id
        ).envelope

    def _hidden(self, identity: str, new_name: str) -> Path | None:
        if identity != DEFAULT and not is_name(identity):
            return None
        return Inbox(self._layout.paths(identity)).hidden(new_name)


def _why_not(name: str, bound: int) -> str:
    shown = f"'{ascii(name)[1:-1]}'"
    if is_name(name):
        return f"the folder {shown} is beyond the limit of {bound} mailboxes without a grant; remove one, or grant it in config.toml"
    return (
        f"the folder {shown} does not have a valid name of an orchestrator: 1 to 64 of A-Z a-z 0-9 . _ -,"
        f" no dot first, not '{DEFAULT}', and not ending like a file ({SUFFIX}, .jsonl, .tmp)"
    )
