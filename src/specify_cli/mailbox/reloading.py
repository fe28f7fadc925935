"""Read the operator's settings again while the worker serves.

The worker logs the outcome. It also writes it to a private file of the host, which `mailbox reload` reads.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from specify_cli import clock, processes
from specify_cli.errors import SpecKittyError, StorageFailed
from specify_cli.files import atomic
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.log_lines import LogLine
from specify_cli.mailbox.protocols import Log
from specify_cli.mailbox.settings import NewSettings

MAX_BYTES: Final = 1024 * 1024
_FILE: Final = "settings.json"


class Reading(NamedTuple):
    """How a worker read the settings.

    Attributes:
        process: The worker, as `str` of its `Process`.
        began_ns: When it began to read, on the monotonic clock.
        at: When it began to read.
        problem: Why it refused the file, and kept the former settings; empty if it did not.
        changes: A text for each change.
    """

    process: str
    began_ns: int
    at: str
    problem: str = ""
    changes: Sequence[str] = ()


class Reloading:
    """Reads the settings of one worker again when it is asked to.

    Args:
        layout: Paths of the project.
        read: Reads the settings and keeps them; it keeps the former ones if it fails.
        log: Receives log lines.
    """

    def __init__(self, layout: MailboxLayout, read: Callable[[], NewSettings], *, log: Log) -> None:
        self.is_asked = False
        self._layout = layout
        self._read = read
        self._log = log

    def ask(self) -> None:
        """Make the worker read the settings soon; may be called from a signal handler."""
        self.is_asked = True

    def note_start(self) -> None:
        """Say that this worker can read the settings again."""
        self.note(_begin())

    def run(self) -> tuple[Reading, NewSettings | None]:
        """Read the settings; None if they cannot be used, and the former ones stay in force."""
        # First: a request that arrives while the file is read is carried out afterwards.
        self.is_asked = False
        reading, new = _begin(), None
        try:
            new = self._read()
        except (SpecKittyError, OSError) as error:
            reading = reading._replace(problem=str(error))
            text = f"config.toml is refused, and the former settings stay in force: {error}"
            line = LogLine(text, "config.refused", level="error", fields={"reason": str(error)})
        else:
            reading = reading._replace(changes=tuple(new.changes))
            text = f"config.toml was read again: {'; '.join(new.changes) or 'nothing changed'}"
            line = LogLine(text, "config.reloaded", fields={"changes": list(new.changes)})
        self._log(line)
        return reading, new

    def note(self, reading: Reading) -> None:
        """Write the outcome for `mailbox reload`; call this when the new settings are in force."""
        data = json.dumps(reading._asdict()).encode() + b"\n"
        path, base = _path(self._layout), self._layout.host_base
        # Whoever asked then gets no answer, but the log has it.
        with suppress(SpecKittyError, OSError):
            atomic.publish(path, data, mode=0o600, below=base, sweeps=True)


def last_reading(layout: MailboxLayout) -> Reading | None:
    """Return how the last worker last read the settings; None if it is not known."""
    try:
        found: Any = json.loads(read_regular(_path(layout), max_bytes=MAX_BYTES))
        return Reading(**found)
    except (OSError, NotRegular, TooLarge, StorageFailed, ValueError, TypeError):
        return None


def has_terminal() -> bool:
    """Return whether this process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _begin() -> Reading:
    began_ns = time.monotonic_ns()
    return Reading(str(processes.this_process()), began_ns, clock.timestamp())


def _path(layout: MailboxLayout) -> Path:
    return layout.host / _FILE
