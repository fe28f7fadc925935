"""The intent of a request: recorded before an effect outside the record, removed with its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from specify_cli.errors import CorrelationIdConflict, SpecKittyError, StorageFailed, Unfinished
from specify_cli.storage import records
from specify_cli.storage.dead_letters import LetterFolder
from specify_cli.storage.former_intents import CALL, MERGE
from specify_cli.storage.intents import Intent, Intents
from specify_cli.storage.layout import Layout
from specify_cli.storage.mission_files import MissionFiles, all_missions
from specify_cli.storage.project import Project
from specify_cli.workflow.context import Effects, RequestContext


def intent_of(
    context: RequestContext, kind: str, what: Mapping[str, Any], *, mission: int | None = None
) -> Intent:
    """Return the request's intent to do `what`, not recorded yet."""
    return Intent(
        scope=context.identity or "",
        id=context.correlation_id,
        digest=context.request_digest,
        kind=kind,
        what=what,
        call=context.call(),
        mission=mission,
    )


def intent_begun_by(project: Layout, context: RequestContext) -> Intent | None:
    """Return the intent that the same request recorded before it was interrupted, if any.

    Raises:
        StateUnreadable, StorageFailed: the record cannot be read.
    """
    record = records.found(project)
    known = Intents(record).of(context.correlation_id, context.identity or "") if record else []
    return next((it for it in known if it.digest == context.request_digest), None)


@contextmanager
def recorded_intent(project: Layout, context: RequestContext, intent: Intent) -> Iterator[None]:
    """Record the intent for the duration of the block, which carries it out.

    A refusal had no effect, and removes the intent. After `Unfinished` the intent stays: the effect
    is completed later.

    Raises:
        StorageFailed: the intent could not be recorded; the block did not run.
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
    if context.decision is None:
        intents.drop(intent)
    else:
        context.decision.settles = intents.dropping(intent)


@dataclass(frozen=True, slots=True)
class RequestIntents:
    """Requests of a project that were interrupted before they were answered."""

    project: Project

    def has_begun(self, slug: str, context: RequestContext) -> bool:
        """Whether the request had effects on the mission before it was interrupted.

        State that cannot be read counts as no effect.

        Raises:
            CorrelationIdConflict: another request under the same id had effects.
            StorageFailed: the disk refused.
        """
        try:
            files = MissionFiles(self.project, slug)
            recorded = files.log.read().caused_by(context.correlation_id, context.identity)
            if context._replace(effects=Effects()).claim(recorded):
                return True
            return intent_begun_by(self.project, context) is not None
        except (CorrelationIdConflict, StorageFailed):
            raise
        except SpecKittyError:
            return False

    def is_begun(self, intent: Intent) -> bool:
        """Whether the host completes the intent on behalf of its caller; remove it if it had no effect.

        Releases without a record noted calls before they knew whether they would have an effect, and
        merges without the request.

        Raises:
            StateUnreadable, StorageFailed: the record cannot be read or written.
        """
        if intent.kind == CALL and not self._has_effect(intent):
            self._drop(intent)
            return False
        return bool(intent.call)

    def forget_answered(self, intent: Intent) -> None:
        """Remove the intent of an answered request.

        That of a merge stays: the outcome of its push may be unknown, and the next merge completes it.

        Raises:
            StateUnreadable, StorageFailed: the record cannot be read or written.
        """
        if intent.kind != MERGE:
            self._drop(intent)

    def _drop(self, intent: Intent) -> None:
        Intents(records.made(self.project)).drop(intent)

    def _has_effect(self, intent: Intent) -> bool:
        missions = [MissionFiles(self.project, slug) for slug in all_missions(self.project)]
        return LetterFolder(self.project.dead_letters).has_fate_of(intent.id) or any(
            it.log.read().caused_by(intent.id) for it in missions
        )
