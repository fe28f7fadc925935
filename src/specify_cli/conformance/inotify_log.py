"""A log of file events in a folder, from inotify."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileEvent:
    """An event of the file of that name, at a time of the monotonic clock."""

    kind: str
    name: str
    at: float


if sys.platform == "linux":
    from watchdog.observers.inotify_c import (
        CallbackId,
        InotifyConstants,
        InotifyEvent,
        InotifyFD,
        Mask,
        WatchDescriptor,
    )

    WATCHED = Mask(
        InotifyConstants.IN_CREATE
        | InotifyConstants.IN_MODIFY
        | InotifyConstants.IN_MOVED_TO
        | InotifyConstants.IN_MOVED_FROM
        | InotifyConstants.IN_DELETE
    )

    class _EventCollector:
        def __init__(self, events: list[FileEvent]) -> None:
            self._deeds = events

        def on_event(self, event: InotifyEvent) -> None:
            kinds = {
                "created": event.is_create,
                "changed": event.is_modify,
                "renamed to": event.is_moved_to,
                "renamed": event.is_moved_from,
                "deleted": event.is_delete,
            }
            name = os.fsdecode(event.name)
            self._deeds.extend(
                FileEvent(kind, name, time.monotonic()) for kind, is_so in kinds.items() if is_so
            )

        def on_watch_deleted(self, wd: WatchDescriptor) -> None:
            pass

        def on_queue_overflow(self) -> None:
            pass

    @contextlib.contextmanager
    def watched(folder: Path) -> Iterator[list[FileEvent]]:
        """Yield a list to which events of the folder are appended while the block runs.

        Raises:
            OSError: inotify cannot watch the folder.
        """
        events: list[FileEvent] = []
        collector = _EventCollector(events)
        inotify = InotifyFD()
        inotify.start()
        try:
            inotify.add_callback(os.fsencode(folder), WATCHED, collector, CallbackId(id(collector)))
            yield events
        finally:
            inotify.stop()
            inotify.join()

else:

    @contextlib.contextmanager
    def watched(folder: Path) -> Iterator[list[FileEvent]]:
        """Fail: inotify exists on Linux only.

        Raises:
            OSError: Always.
        """
        raise OSError("orchestrators can be verified on Linux only, because the kit needs inotify")
        yield []
