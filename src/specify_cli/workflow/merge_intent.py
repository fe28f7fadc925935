"""What a merge is about to do, written down before it does it, so that a crash can be completed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from specify_cli.errors import PreflightFailed
from specify_cli.storage import former_intents, records
from specify_cli.storage.intents import Intent, Intents, Rows
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.request_intents import intent_of

if TYPE_CHECKING:
    from specify_cli.vcs.merge import MergePlan

MERGE: Final = former_intents.MERGE


class MergeIntent(NamedTuple):
    """The move of the target branch and the lines that the event log gets with it.

    A complete one is kept until its request is answered, or until the next merge: the request may have been killed before
    that, and must be told of the same commit when it asks again. One that may have been pushed is carried out by
    whoever merges next: the remote cannot be taken back.
    """

    kept: Intent
    plan: MergePlan
    lines: bytes
    is_complete: bool = False
    is_pushed: bool = False

    def is_of(self, context: RequestContext) -> bool:
        """True when it is the merge of that request, or of another one under the same id."""
        return (self.kept.id, self.kept.scope) == (context.correlation_id, context.identity or "")


def new_intent(
    files: MissionFiles, context: RequestContext, *, plan: MergePlan, lines: bytes, is_pushed: bool
) -> MergeIntent:
    """The merge of the request, not written down yet. Raises: StateUnreadable, StorageFailed."""
    kept = intent_of(context, MERGE, {}, mission=files.log.number())
    return MergeIntent(kept=kept, plan=plan, lines=lines, is_pushed=is_pushed)


def store(files: MissionFiles, intent: MergeIntent) -> None:
    """The intent survives a crash.

    Raises: StorageFailed.
    """
    Intents(records.made(files.project)).keep(_as_stored(intent))


def completion_rows(files: MissionFiles, intent: MergeIntent) -> Rows:
    """That it is complete, as part of a transaction."""
    complete = intent._replace(is_complete=True)
    return Intents(records.made(files.project)).keeping(_as_stored(complete))


def pending(files: MissionFiles) -> MergeIntent | None:
    """The intent that was not discarded yet.

    Raises: StateUnreadable, StorageFailed; PreflightFailed where it was begun elsewhere, and copied here.
    """
    found = _kept(files)
    if found is None:
        return None
    if not found.is_here:
        text = (
            f"a merge of {files.slug} that was begun at {found.at} was not finished, and this project is a copy of the"
            " one that began it: run 'spec-kitty doctor', and 'spec-kitty doctor --fix' to complete it here"
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
        lines=_bytes(stored["lines"]),
    )


def moved_packages(files: MissionFiles) -> frozenset[str]:
    """The packages of a merge that origin may have, or may get yet: none of them moves on its own.

    Raises: StateUnreadable, StorageFailed.
    """
    found = _kept(files)
    if found is None or not found.what["is_pushed"] or found.what["is_complete"]:
        return frozenset()
    return frozenset(json.loads(line)["wp_id"] for line in found.what["lines"].splitlines())


def discard(files: MissionFiles) -> None:
    """No intent is left.

    Raises: StorageFailed.
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
        "lines": _text(intent.lines),
    }
    return intent.kept._replace(what=stored)


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
