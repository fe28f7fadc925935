"""Chain and replies of a mailbox are proved against each other."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from specify_cli.errors import StorageFailed
from specify_cli.mailbox.inbox import RESERVED_STEM, STEM, SUFFIX
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.safe_read import NotRegular, TooLarge, read_regular

MAX_REPLY_BYTES = 64 * 1024 * 1024


def open_journal(layout: MailboxLayout) -> Journal:
    """The journal of this mailbox; nothing is created."""
    return Journal(layout.journal, lock_path=layout.journal_lock)


def find_breaks(layout: MailboxLayout) -> list[str]:
    """Every break of the journal's chain, and every reply that is not what the journal says.

    A line without a reply is no break: replies may be pruned, and the command line writes none.

    Raises:
        StorageFailed: the disk refused, so nothing is proved.
        StateUnreadable: the journal's line for a reply is damaged.
    """
    journal = open_journal(layout)
    return [*journal.verify(), *_wrong_replies(layout, journal)]


def _wrong_replies(layout: MailboxLayout, journal: Journal) -> Iterator[str]:
    for name in _reply_names(layout):
        recorded = journal.find(name.removesuffix(SUFFIX))
        if recorded is None:
            yield f"{name}: no line of the journal tells of this reply"
        elif _read_reply(layout, name) != recorded.get("envelope"):
            yield f"{name}: is not the answer that journal line {recorded['seq']} tells of"


def _reply_names(layout: MailboxLayout) -> list[str]:
    try:
        names = os.listdir(layout.outbox)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StorageFailed(f"could not list {layout.outbox}: {error.strerror}") from error
    return sorted(name for name in names if name.endswith(SUFFIX) and _is_reply(name))


def _is_reply(name: str) -> bool:
    stem = name.removesuffix(SUFFIX)
    return STEM.fullmatch(stem) is not None and stem.lower() != RESERVED_STEM


def _read_reply(layout: MailboxLayout, name: str) -> Any:
    try:
        return json.loads(read_regular(layout.outbox / name, max_bytes=MAX_REPLY_BYTES))
    except (OSError, NotRegular, TooLarge, ValueError, RecursionError):
        return None
