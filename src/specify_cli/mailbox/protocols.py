"""Interfaces that the mailbox needs from the rest of the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from specify_cli.errors import SpecKittyError
from specify_cli.storage.request_file import Lookup, RequestFile, Wait

# Logs one line of text, given without its line break.
Log = Callable[[str], None]


class Answer(Protocol):
    """The answer to a request, recorded before it is published."""

    @property
    def envelope(self) -> Mapping[str, Any]:
        """The answer as a JSON object."""

    @property
    def line(self) -> Mapping[str, Any]:
        """The journal line of the request."""

    @property
    def is_repeat(self) -> bool:
        """Whether the answer was recorded earlier, and nothing was done now."""

    @property
    def reply(self) -> bytes:
        """The content of the reply file."""


class Dispatcher(Protocol):
    """Answers requests.

    A method that answers raises SpecKittyError only if the answer could not be recorded. Then nothing
    was acknowledged, and the call can be repeated. Several threads may call it at once.
    """

    def look_up(self, raw: bytes) -> Lookup:
        """Return the mission of the request in `raw`, and whether `raw` is complete; change nothing.

        Requests of one orchestrator with the same `queue` must be answered in their order.
        """

    def answer_bytes(
        self,
        raw: bytes,
        *,
        stem: str,
        identity: str,
        lookup: Lookup | None = None,
        can_wait: bool = False,
        received_at: str | None = None,
    ) -> Answer:
        """Answer the request whose file `<stem>.json` held `raw`, which came at `received_at`.

        `lookup` is the result of `look_up`. Its mission is used even if another mission has its name meanwhile.

        Raises:
            Unchanged: it is a read that waits for a change; raised only if it `can_wait`.
        """

    def recorded(self, stem: str, *, identity: str) -> Answer | None:
        """Return the recorded answer to the request file `<stem>.json`, or None."""

    def answer_batch(self, files: Sequence[RequestFile]) -> Sequence[Answer | Wait | None]:
        """Answer requests whose lookup says `is_batched`; None stands for one that must be answered alone.

        After such a request, later ones of the same orchestrator and `queue` are not answered either.
        A `Wait` stands for a read that waits for a change. Later requests do not wait for it.
        """

    def newest(self, slug: str) -> int:
        """Return a number that grows with each change that is recorded for the mission in the folder `slug`.

        Raises:
            SpecKittyError: the record cannot be read.
        """

    def refuse(
        self,
        error: SpecKittyError,
        *,
        stem: str | None,
        identity: str,
        dead_letter: str | None = None,
    ) -> Answer:
        """Answer a file that could not be read as a request.

        A second call for the same `dead_letter` returns the same answer.
        """

    def has_intents(self) -> bool:
        """Return whether `settle_intents` has anything to do."""

    def settle_intents(self) -> None:
        """Complete and record what killed callers at the command line had begun."""


class Watch(Protocol):
    """Watches folders for new entries."""

    @property
    def has_events(self) -> bool:
        """Whether the kernel reports entries at all."""

    def cover(self, name: str, folder: int) -> bool:
        """Watch the open folder, known as `name`; return whether it is watched. Repeated calls change nothing."""
