"""Requests of named orchestrators, as the worker passes them to the dispatcher."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from specify_cli import bootstrap
from specify_cli.core.events import Event
from specify_cli.errors import StorageFailed
from specify_cli.storage.intents import Rows
from specify_cli.storage.journal import Journal
from specify_cli.storage.record_entries import Draft
from specify_cli.workflow.context import RequestContext
from specify_cli.workflow.mission import OpenMission
from tests.integration.stage import ENVELOPE_KEYS, POLICY, Stage


def body(stem: str, command: str, args: Mapping[str, Any], **more: Any) -> bytes:
    whole = {"contract_version": "1.3.0", "correlation_id": stem, "command": command, "args": args}
    return json.dumps({"policy": POLICY, **whole, **more}).encode()


def answer(project: Stage, raw: bytes, *, stem: str = "one", identity: str) -> dict[str, Any]:
    """The reply of a worker that has just started."""
    made = bootstrap.dispatcher(project.root).answer_bytes(raw, stem=stem, identity=identity)
    envelope: dict[str, Any] = json.loads(made.reply)
    assert set(envelope) == ENVELOPE_KEYS
    assert envelope["correlation_id"] == stem
    return envelope


def configure(project: Stage, text: str) -> None:
    """Write `config.toml` with valid modes."""
    path = project.root / ".kitty" / "config.toml"
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o755)
    path.write_text(text)
    path.chmod(0o644)


class _DeadJournal(Journal):
    """A journal that finds lines and fails on append."""

    def append(
        self,
        line: Mapping[str, Any],
        *,
        unless_known: bool = True,
        decided: Sequence[Draft] = (),
        also: Rows | None = None,
    ) -> dict[str, Any]:
        raise StorageFailed("killed")


@contextmanager
def committed_before_the_answer() -> Iterator[None]:
    """Commit events before the answer, as former releases did."""
    append = OpenMission.append

    def at_once(mission: OpenMission, events: Sequence[Event], cause: RequestContext) -> None:
        append(mission, events, cause._replace(decision=None))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OpenMission, "append", at_once)
        yield


class KilledHost(bootstrap.ProjectHost):
    """A host that is killed between the effects of a request and its line in the journal."""

    def journal(self) -> Journal:
        layout = bootstrap.mailbox_layout(self.project.root)
        layout.ensure()
        return _DeadJournal(layout)
