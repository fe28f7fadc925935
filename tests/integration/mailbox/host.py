"""A worker in a process of its own: `host.py ROOT serve|drain [--no-watch]`."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from specify_cli.errors import StorageFailed
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.watch import watching
from specify_cli.mailbox.worker import Worker
from tests.unit.mailbox.recording import SETTINGS, RecordingDispatcher


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(root: str, mode: str, *options: str) -> int:
    layout = MailboxLayout(Path(root))
    # Polling is so rare that only file events can have found a request.
    poll_interval_s = 0.02 if "--no-watch" in options else 3600.0
    settings = dataclasses.replace(SETTINGS, poll_interval_s=poll_interval_s)
    worker = Worker(layout, RecordingDispatcher(layout), settings=settings, log=log)
    worker.stop_on_signals()
    try:
        if mode == "drain":
            worker.drain()
        else:
            worker.serve(None if "--no-watch" in options else watching)
    except StorageFailed as error:
        log(error.message)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
