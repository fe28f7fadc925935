"""Wake the worker when a request lands, by file events of the kernel.

Events are only a hint: the periodic listing finds every request, even if no event arrives.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from specify_cli.mailbox.inbox import is_in_progress
from specify_cli.mailbox.protocols import Watch
from specify_cli.mailbox.wakeup import Wakeup

if sys.platform == "linux":
    from watchdog.observers.inotify_c import (
        CallbackId,
        InotifyConstants,
        InotifyEvent,
        InotifyFD,
        Mask,
        WatchDescriptor,
    )

    # Renames out of the inbox are not watched: they are our own claims, and watchdog's standard
    # observers delay every event by half a second after one. Median from a rename into the inbox to
    # the wakeup: 480 ms with the standard observer, 0.16 ms with an emitter that uses this mask, and
    # 0.05 ms with the event reader below it, which is used here.
    LANDED = Mask(
        InotifyConstants.IN_MOVED_TO
        | InotifyConstants.IN_CLOSE_WRITE
        | InotifyConstants.IN_CREATE
        | InotifyConstants.IN_ONLYDIR
    )

    class _EventHandler:
        """Wakes the worker for a possible request or a new folder."""

        def __init__(self, wakeup: Wakeup) -> None:
            self._wakeup = wakeup
            self.is_deleted = False

        def on_event(self, event: InotifyEvent) -> None:
            # The end of writing a new file is a separate event.
            is_begun = event.mask & InotifyConstants.IN_CREATE and not event.is_directory
            if not is_begun and not is_in_progress(os.fsdecode(event.name)):
                self._wakeup.wake()

        def on_watch_deleted(self, wd: WatchDescriptor) -> None:
            self.is_deleted = True
            self._wakeup.wake()

        def on_queue_overflow(self) -> None:
            self._wakeup.wake()

    class _Watch:
        """Watched folders, identified by device and inode."""

        has_events = True

        def __init__(self, inotify: InotifyFD, wakeup: Wakeup) -> None:
            self._inotify = inotify
            self._wakeup = wakeup
            self._covered: dict[str, tuple[tuple[int, int], WatchDescriptor, _EventHandler]] = {}

        def cover(self, name: str, folder: int) -> bool:
            """Watch the open folder; return whether it is watched."""
            status = os.fstat(folder)
            node = (status.st_dev, status.st_ino)
            known = self._covered.get(name)
            if known is not None and known[0] == node and not known[2].is_deleted:
                return True
            try:
                self._uncover(name)
                handler = _EventHandler(self._wakeup)
                # By descriptor, so that a link that replaces the folder is not followed.
                path = os.fsencode(f"/proc/self/fd/{folder}/.")
                descriptor = self._inotify.add_callback(
                    path, LANDED, handler, CallbackId(id(handler))
                )
            except OSError:
                return False
            self._covered[name] = node, descriptor, handler
            return True

        def _uncover(self, name: str) -> None:
            known = self._covered.pop(name, None)
            if known is not None and not known[2].is_deleted:
                self._inotify.remove_callbacks([(known[1], CallbackId(id(known[2])))])

    @contextlib.contextmanager
    def watching(wakeup: Wakeup) -> Iterator[Watch]:
        """While the block runs, wake `wakeup` when an entry lands in a covered folder."""
        try:
            inotify = InotifyFD()
        except OSError:
            yield _NoWatch()
            return
        inotify.start()
        try:
            yield _Watch(inotify, wakeup)
        finally:
            inotify.stop()
            inotify.join()

else:

    @contextlib.contextmanager
    def watching(wakeup: Wakeup) -> Iterator[Watch]:
        """Watch nothing: without inotify the periodic listing finds requests."""
        yield _NoWatch()


class _NoWatch:
    has_events = False

    def cover(self, name: str, folder: int) -> bool:
        """Return False: there are no file events."""
        return False
