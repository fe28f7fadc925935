"""The intent of a merge: recorded before the merge takes effect, so that it can be completed after a crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from specify_cli.errors import PreflightFailed
from specify_cli.storage import former_intents, records
from specify_cli.storage.intents import Intent, Intents, Rows
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.workflow.context import RequestContext

if TYPE_CHECKING:
    from specify_cli.vcs.merge import MergePlan

MERGE: Final = former_intents.MERGE


class MergeIntent(NamedTuple):
    """The update of the target branch, and the lines that the event log gets with it.

    A complete intent is kept until its request is answered or until the next merge, so that the same
    request, sent again after a crash, is answered with the same commit. An intent that may have been
    pushed is completed by the next merge, because a push cannot be undone.
    """

    kept: Intent
    plan: MergePlan
    lines: bytes
    is_complete: bool = False
    is_pushed: bool = False

    def is_of(self, context: RequestContext) -> bool:
        """Whether it is the merge of that request, or of another one under the same id."""
        return (self.kept.id, self.kept.scope) == (context.correlation_id, context.identity or "")


def new_intent(
    files: MissionFiles, context: RequestContext, *, plan: MergePlan, lines: bytes, is_pushed: bool
) -> MergeIntent:
    """Return the merge intent of the request, not recorded yet.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    from specify_cli.workflow.request_intents import intent_of

    kept = intent_of(context, MERGE, {}, mission=files.log.number())
    return MergeIntent(kept=kept, plan=plan, lines=lines, is_pushed=is_pushed)


def store(files: MissionFiles, intent: MergeIntent) -> None:
    """Record the intent, so that it survives a crash.

    Raises:
        StorageFailed: the disk or git refused.
    """
    Intents(records.made(files.project)).keep(_as_stored(intent))


def completion_rows(files: MissionFiles, intent: MergeIntent) -> Rows:
    """Return the rows that mark the intent as complete, for use within a transaction."""
    complete = intent._replace(is_complete=True)
    return Intents(records.made(files.project)).keeping(_as_stored(complete))


def pending(files: MissionFiles) -> MergeIntent | None:
    """Return the recorded intent, if any.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read.
        PreflightFailed: the merge was begun in another copy of this project.
    """
    found = _kept(files)
    if found is None:
        return None
    if not found.is_here:
        text = (
            f"the merge of {files.slug} that began at {found.at} is not finished, and this project is a copy of the"
            " one in which it began: run 'spec-kitty doctor', and 'spec-kitty doctor --fix' to complete it here"
        )
        raise PreflightFailed(text, errors=[text])
    from specify_cli.vcs.merge import MergePlan

    stored = found.what
    return MergeIntent(
        kept=found,
        is_complete=stored["is_complete"],
        is_pushed=stored["is_pushed"],
        plan=MergePlan(
            target=stored["target"],
            from_commit=stored["from_commit"],
            to_commit=stored["to_commit"],
            host_files=tuple(stored["host_files"]),
            left_out=tuple(stored.get("left_out", ())),
        ),
        lines=stored["lines"].encode("utf-8", "surrogateescape"),
    )


def moved_packages(files: MissionFiles) -> frozenset[str]:
    """Return the packages of an unfinished merge that was, or may be, pushed; nothing else may move them.

    Raises:
        StateUnreadable, StorageFailed: the state of the project cannot be read or written.
    """
    found = _kept(files)
    if found is None or not found.what["is_pushed"] or found.what["is_complete"]:
        return frozenset()
    return frozenset(json.loads(line)["wp_id"] for line in found.what["lines"].splitlines())


def discard(files: MissionFiles) -> None:
    """Remove the intent, if any.

    Raises:
        StorageFailed: the disk or git refused.
    """
    found = _kept(files)
    if found is not None:
        Intents(records.made(files.project)).drop(found)


def _kept(files: MissionFiles) -> Intent | None:
    record = records.found(files.project)
    merges = [it for it in Intents(record).all() if it.kind == MERGE] if record else []
    if not merges:
        return None
    number = files.log.number()
    return next((it for it in merges if _is_of(it, files.slug, number)), None)


def _is_of(intent: Intent, slug: str, number: int | None) -> bool:
    if intent.mission is None:
        return bool(intent.what.get("mission_slug") == slug)
    return intent.mission == number


def _as_stored(intent: MergeIntent) -> Intent:
    plan = intent.plan
    stored: Mapping[str, Any] = {
        "mission_slug": intent.kept.what.get("mission_slug"),
        "is_complete": intent.is_complete,
        "is_pushed": intent.is_pushed,
        "target": plan.target,
        "from_commit": plan.from_commit,
        "to_commit": plan.to_commit,
        "host_files": [*plan.host_files],
        "left_out": [*plan.left_out],
        "lines": intent.lines.decode("utf-8", "surrogateescape"),
    }
    return intent.kept._replace(what=stored)
