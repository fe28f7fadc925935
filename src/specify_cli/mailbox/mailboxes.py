"""All the mailboxes that one worker serves: the granted ones, and those that it comes across."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from specify_cli.errors import RequestMalformed, StorageFailed
from specify_cli.files import folders
from specify_cli.mailbox.daily_quota import DailyQuota
from specify_cli.mailbox.dead_letters import DeadLetters
from specify_cli.mailbox.executor import KeyedExecutor
from specify_cli.mailbox.inbox import Inbox, Landed, is_in_progress
from specify_cli.mailbox.intake import Intake
from specify_cli.mailbox.layout import DEFAULT, is_name
from specify_cli.mailbox.outbox import Outbox
from specify_cli.mailbox.processor import Processor
from specify_cli.mailbox.settings import Orchestrator
from specify_cli.mailbox.workplace import WorkerContext
from specify_cli.protocol import CLAIM_PREFIX, SUFFIX
from specify_cli.storage import record_additions, records

# Given the name of a mailbox and the descriptor of its inbox; whether what lands there later is told of.
OnLook = Callable[[str, int], bool]


class Mailboxes:
    """Knows every post by the name of its orchestrator."""

    def __init__(
        self,
        workplace: WorkerContext,
        *,
        pool: KeyedExecutor,
        on_look: OnLook,
    ) -> None:
        self.posts: dict[str, Intake] = {}
        self.dead_letters = DeadLetters(workplace.layout, refuse=self._refuse)
        self._workplace = workplace
        self._layout = workplace.layout
        self._pool = pool
        self._daily: dict[str, DailyQuota] = {}
        self._additions: dict[str, tuple[Mapping[str, int], Mapping[str, int]]] = {}
        self._on_look = on_look
        self._bound = workplace.settings.max_ungranted
        self._granted = {one.identity: one for one in workplace.settings.orchestrators}
        for identity in dict.fromkeys([DEFAULT, *self._granted, *self._left_behind()]):
            self._open(identity)

    def is_granted(self, identity: str) -> bool:
        """Whether the operator granted anything to that orchestrator."""
        return identity in self._granted

    def find(self) -> bool:
        """Whether mailboxes appeared, which have a post now; what cannot be one is a dead letter.

        Raises:
            SpecKittyError, OSError: the disk refused.
        """
        names = self.posts[DEFAULT].inbox.subfolders - self.posts.keys()
        count = len(self.posts)
        for name in sorted(names):
            if not self._stays(name):
                self._admit(name)
        return len(self.posts) > count

    def recover(self, post: Intake) -> None:
        """What was left half done for that orchestrator is known or completed.

        Raises:
            SpecKittyError, OSError: the disk refused.
        """
        self._layout.ensure_mailbox(post.identity, owner_uid=post.orchestrator.owner_uid)
        post.inbox.follow(self._layout.places(post.identity))
        self.dead_letters.finish(self._hidden)
        post.recover()

    def is_gone(self, post: Intake, error: Exception) -> bool:
        """Whether the mailbox went as it came: nobody was granted it, and its folder is gone.

        The error says so too, because the folder may have been made again since.
        """
        if self.is_granted(post.identity) or post.identity == DEFAULT:
            return False
        was_missing = isinstance(error.__cause__, FileNotFoundError)
        return was_missing or not os.path.lexists(post.inbox.folder)

    def close(self, post: Intake) -> bool:
        """Whether the mailbox is served no more; not while something of it is in hand."""
        if post.has_work() or self._pool.in_hand(post.identity)[0]:
            return False
        post.drop_answered()
        del self.posts[post.identity]
        return self._pool.forget(post.identity)

    # Opening.

    def _left_behind(self) -> list[str]:
        """Whose claims an earlier worker left, granted or not: they are answered."""
        found = []
        for identity in self._layout.identities()[1:]:
            claimed = self._layout.places(identity).claimed
            if folders.exists(claimed, below=self._layout.host_base) and os.listdir(claimed):
                found.append(identity)
        return found

    def _open(self, identity: str) -> None:
        orchestrator = self._granted.get(identity) or Orchestrator(identity=identity, commands=())
        places = self._layout.places(identity)
        inbox = Inbox(places, on_look=lambda folder: self._on_look(identity, folder))
        desk = Processor(
            self._workplace,
            inbox,
            outbox=Outbox(places),
            orchestrator=orchestrator,
            dead_letters=self.dead_letters,
        )
        self.posts[identity] = Intake(
            self._workplace,
            inbox,
            desk,
            orchestrator=orchestrator,
            pool=self._pool,
            daily=self._daily_use(orchestrator),
        )

    def _daily_use(self, orchestrator: Orchestrator) -> DailyQuota:
        """It outlives the mailbox: removing its folder does not start a new day."""
        identity = orchestrator.identity
        if identity not in self._daily:
            self._daily[identity] = DailyQuota(orchestrator, partial(self._added, identity))
        return self._daily[identity]

    def _added(self, identity: str, since: str) -> tuple[int, int]:
        """How many requests of it were recorded since then, and their bytes; looked up once for all."""
        if since not in self._additions:
            record = records.found(self._layout)
            found = record_additions.added_since(record, since) if record else ({}, {})
            self._additions = {since: found}
        requests, sizes = self._additions[since]
        return requests.get(identity, 0), sizes.get(identity, 0)

    def _admit(self, name: str) -> None:
        if not self._holds_something(name):
            return
        ungranted = len(self.posts.keys() - self._granted.keys() - {DEFAULT})
        if is_name(name) and ungranted < self._bound:
            self._open(name)
        else:
            self.posts[DEFAULT].set_aside(Landed(0, name), why=_why_not(name, self._bound))

    def _stays(self, name: str) -> bool:
        return self.posts[DEFAULT].unmovable.skips(Landed(0, name))

    def _holds_something(self, name: str) -> bool:
        try:
            with folders.opened(self._layout.inbox / name, below=self._layout.root) as folder:
                self._on_look(name, folder)
                names = os.listdir(folder)
        except StorageFailed:
            # Gone by now, or no folder any more: the next look tells.
            return False
        return any(not is_in_progress(name) or name.startswith(CLAIM_PREFIX) for name in names)

    # Dead letters.

    def _refuse(self, letter_id: str, why: str, identity: str) -> Mapping[str, Any]:
        return self._workplace.dispatcher.refuse(
            RequestMalformed(why), stem=None, identity=identity, dead_letter=letter_id
        ).envelope

    def _hidden(self, identity: str, new_name: str) -> Path | None:
        if identity != DEFAULT and not is_name(identity):
            return None
        return Inbox(self._layout.places(identity)).hidden(new_name)


def _why_not(name: str, bound: int) -> str:
    shown = f"'{ascii(name)[1:-1]}'"
    if is_name(name):
        return f"the folder {shown} is one too many: {bound} without a grant are answered"
    return (
        f"the folder {shown} has no name that an orchestrator may have: 1 to 64 of A-Z a-z 0-9 . _ -,"
        f" no dot first, not '{DEFAULT}', and not ending like a file ({SUFFIX}, .jsonl, .tmp)"
    )
