"""Compare replies in the outboxes with the answers in the record, for `mailbox verify` and `doctor`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from specify_cli import ids, progress
from specify_cli.files import folders
from specify_cli.files.atomic import translated
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.protocol import SUFFIX, is_orchestrator, is_request_id
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout

MAX_REPLY_BYTES: Final = 64 * 1024 * 1024


def differences(project: Layout, journal: Journal) -> Iterator[tuple[Path, str, str]]:
    """Yield each reply that differs from the recorded answer: its path, its name in the outbox, and
    the fault.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged.
    """
    for identity, folder in outboxes(project):
        scope = ids.scope_of(ids.MAILBOX, identity)
        for name in progress.counted(replies_in(folder, project), "comparing replies"):
            shown = f"{identity}/{name}" if folder != project.outbox else name
            recorded = journal.find(name.removesuffix(SUFFIX), scope)
            if recorded is None:
                what = "no line of the journal has this reply"
            elif _read(folder, name, project) != recorded.get("envelope"):
                what = f"is not the answer in journal line {recorded['seq']}"
            else:
                continue
            if os.path.lexists(folder / name):
                yield folder / name, shown, what


def outboxes(project: Layout) -> Iterator[tuple[str, Path]]:
    """Yield the identity and folder of each outbox.

    Raises:
        StorageFailed: the disk fails.
    """
    yield ids.DEFAULT_ORCHESTRATOR, project.outbox
    for name in _names(project.outbox, project):
        folder = project.outbox / name
        if is_orchestrator(name) and folder.is_dir() and not folder.is_symlink():
            yield name, folder


def replies_in(folder: Path, project: Layout) -> list[str]:
    """Return the names of the replies in an outbox.

    Raises:
        StorageFailed: the disk fails.
    """
    return [
        it
        for it in _names(folder, project)
        if it.endswith(SUFFIX) and is_request_id(it.removesuffix(SUFFIX))
    ]


def _names(folder: Path, project: Layout) -> list[str]:
    # Only a served mailbox has replies; the worker reports a link in its place.
    if not folders.exists(folder, below=project.root):
        return []
    with (
        translated(folder, "list"),
        folders.opened(folder, below=project.root) as opened,
    ):
        return sorted(os.listdir(opened))


def _read(folder: Path, name: str, project: Layout) -> Any:
    try:
        with folders.opened(folder, below=project.root) as opened:
            return json.loads(read_regular(Path(name), max_bytes=MAX_REPLY_BYTES, dir_fd=opened))
    except (OSError, NotRegular, TooLarge, ValueError, RecursionError):
        return None
