"""Take over the intents of releases without a record: one file per merge, and one per call."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from specify_cli import ids
from specify_cli.files.atomic import translated
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.storage.intents import Intent, Intents
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record

MERGE: Final = "merge"

CALL: Final = "call"
"""A call at the command line with an unknown outcome."""

_MAX_BYTES: Final = 1 << 30


def take_over(record: Record, project: Layout) -> None:
    """Move the intents from files into the record.

    A damaged file is left alone: its content is unknown.

    Raises:
        StorageFailed: the disk fails.
        StateUnreadable: the record is damaged.
    """
    intents = Intents(record)
    for path, said in _files(project.host / "merges"):
        with suppress(KeyError):
            asked = (said.get("identity") or "", said["correlation_id"], said["request_digest"])
            # Keep only the paths: the contents may have to be redacted later.
            what = {**said, "mission_slug": path.stem, "host_files": [*said.get("host_files", ())]}
            _take_over(intents, path, asked, kind=MERGE, what=what)
    for path, said in _files(project.host / "begun"):
        with suppress(KeyError):
            scope = ids.scope_of(said["door"], said["identity"])
            asked = (scope, said["correlation_id"], "")
            _take_over(intents, path, asked, kind=CALL, what={}, call=said)


def _take_over(
    intents: Intents,
    path: Path,
    asked: tuple[str, str, str],
    *,
    kind: str,
    what: Mapping[str, Any],
    call: Mapping[str, Any] | None = None,
) -> None:
    scope, asked_id, digest = asked
    intents.keep(
        Intent(scope=scope, id=asked_id, digest=digest, kind=kind, what=what, call=call or {})
    )
    with translated(path, "remove"):
        path.unlink()


def _files(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    with translated(folder, "read"):
        names = sorted(os.listdir(folder)) if folder.is_dir() else []
        for path in (folder / it for it in names if it.endswith(".json")):
            with suppress(NotRegular, TooLarge, FileNotFoundError, ValueError, RecursionError):
                said = json.loads(read_regular(path, max_bytes=_MAX_BYTES))
                if isinstance(said, dict):
                    yield path, said
