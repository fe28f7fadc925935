"""What a merge is about to do, written down before it does it, so that a crash can be completed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.files import folders
from specify_cli.files.atomic import fsync_folder, publish
from specify_cli.storage.mission_files import MissionFiles, read_json
from specify_cli.vcs.merge import MergePlan
from specify_cli.workflow.cause import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeIntent:
    """The move of the target branch and the lines that the event log gets with it.

    A complete one is kept until the next merge: its request may have been killed before its answer
    was recorded, and must be told of the same commit when it asks again. One that may have been
    pushed is carried out by whoever merges next: the remote cannot be taken back.
    """

    correlation_id: str
    request_digest: str
    plan: MergePlan
    lines: bytes
    identity: str | None = None
    is_complete: bool = False
    is_pushed: bool = False

    def is_of(self, cause: Cause) -> bool:
        """True when it is the merge of that request, or of another one under the same id."""
        return (self.correlation_id, self.identity) == (cause.correlation_id, cause.identity)


def remember(files: MissionFiles, intent: MergeIntent) -> None:
    """The intent survives a crash.

    Raises: StorageFailed.
    """
    path = _path(files)
    folders.ensure(path.parent, below=files.project.root, mode=0o700)
    plan = intent.plan
    record = {
        "correlation_id": intent.correlation_id,
        "identity": intent.identity,
        "request_digest": intent.request_digest,
        "is_complete": intent.is_complete,
        "is_pushed": intent.is_pushed,
        "target": plan.target,
        "from_commit": plan.from_commit,
        "to_commit": plan.to_commit,
        "host_files": {name: _text(content) for name, content in plan.host_files.items()},
        "left_out": [*plan.left_out],
        "lines": _text(intent.lines),
    }
    publish(path, json.dumps(record).encode(), mode=0o600, below=files.project.root, sweeps=True)


def pending(files: MissionFiles) -> MergeIntent | None:
    """The intent that was not discarded yet.

    Raises: StateUnreadable.
    """
    record = read_json(_path(files), below=files.project.root)
    if not record:
        return None
    return MergeIntent(
        correlation_id=record["correlation_id"],
        identity=record.get("identity"),
        request_digest=record["request_digest"],
        is_complete=record["is_complete"],
        is_pushed=record["is_pushed"],
        plan=MergePlan(
            target=record["target"],
            from_commit=record["from_commit"],
            to_commit=record["to_commit"],
            host_files={name: _bytes(text) for name, text in record["host_files"].items()},
            left_out=tuple(record.get("left_out", ())),
        ),
        lines=_bytes(record["lines"]),
    )


def moved_packages(files: MissionFiles) -> frozenset[str]:
    """The packages of a merge that origin may have, or may get yet: none of them moves on its own.

    Raises: StateUnreadable.
    """
    intent = pending(files)
    if intent is None or not intent.is_pushed or intent.is_complete:
        return frozenset()
    return frozenset(json.loads(line)["wp_id"] for line in intent.lines.splitlines())


def discard(files: MissionFiles) -> None:
    """No intent is left.

    Raises: StorageFailed.
    """
    path = _path(files)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageFailed(f"cannot remove {path}: {error.strerror}") from error
    fsync_folder(path.parent)


def _path(files: MissionFiles) -> Path:
    return files.project.merges / f"{files.slug}.json"


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
