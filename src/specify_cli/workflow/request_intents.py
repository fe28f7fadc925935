"""What a request does outside the record is written down before, and settled with its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from specify_cli.errors import SpecKittyError, Unfinished
from specify_cli.storage import records
from specify_cli.storage.intents import Intent, Intents
from specify_cli.storage.layout import Layout
from specify_cli.workflow.context import RequestContext


def intent_of(
    cause: RequestContext, kind: str, what: Mapping[str, Any], *, mission: int | None = None
) -> Intent:
    """The request's intent to do `what`, not written down yet."""
    return Intent(
        scope=cause.identity or "",
        id=cause.correlation_id,
        digest=cause.request_digest,
        kind=kind,
        what=what,
        call=cause.call(),
        mission=mission,
    )


def begun_by(project: Layout, cause: RequestContext) -> Intent | None:
    """What the very same request intended before it was interrupted. Raises: StorageFailed, StateUnreadable."""
    record = records.found(project)
    known = Intents(record).of(cause.correlation_id, cause.identity or "") if record else []
    return next((it for it in known if it.digest == cause.request_digest), None)


@contextmanager
def intending(project: Layout, cause: RequestContext, intent: Intent) -> Iterator[None]:
    """The block does it. A refusal has done nothing, and forgets it; what is `Unfinished` is completed later.

    Raises:
        StorageFailed: the intent could not be written down; nothing was done.
        StateUnreadable: the record is damaged.
    """
    intents = Intents(records.made(project))
    intents.keep(intent)
    try:
        yield
    except Unfinished:
        raise
    except SpecKittyError:
        intents.drop(intent)
        raise
    if cause.decision is None:
        intents.drop(intent)
    else:
        cause.decision.settles = intents.dropping(intent)
