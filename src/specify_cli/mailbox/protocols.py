"""What the mailbox needs of the rest of the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from specify_cli.errors import SpecKittyError
from specify_cli.storage.request_file import Lookup, RequestFile

# Takes one line of text for the operator, without its end.
Log = Callable[[str], None]


class Answer(Protocol):
    """The one answer to a request, recorded in the journal before anybody sees it."""

    @property
    def envelope(self) -> Mapping[str, Any]:
        """The answer as a JSON object."""

    @property
    def is_repeat(self) -> bool:
        """Whether it was recorded before, and nothing was done now."""

    @property
    def reply(self) -> bytes:
        """Exactly what the reply file holds."""


class Dispatcher(Protocol):
    """Turns any request into its one answer.

    Answering raises a `SpecKittyError` only when the answer could not be recorded; then nothing was
    acknowledged, and the same call may be made again. Called from several threads at once.
    """

    def look_up(self, raw: bytes) -> Lookup:
        """The mission that the request in `raw` is about, and whether `raw` is whole; changes nothing.

        It may not overtake another request of the same orchestrator with the same `queue`.
        """

    def answer_bytes(
        self, raw: bytes, *, stem: str, identity: str, mission: Lookup | None = None
    ) -> Answer:
        """The answer to the request whose file `<stem>.json` held `raw`.

        `mission` is what `look_up` found: it is judged, and used, whatever has its names meanwhile.
        """

    def recorded(self, stem: str, *, identity: str) -> Answer | None:
        """The answer that was recorded for the request file `<stem>.json`; None where there is none."""

    def answer_batch(self, files: Sequence[RequestFile]) -> Sequence[Answer | None]:
        """The answers to requests whose lookup says `is_batched`; None for one that has to be answered alone.

        After such a one, no other of the same orchestrator with the same `queue` is answered here.
        """

    def refuse(
        self,
        error: SpecKittyError,
        *,
        stem: str | None,
        identity: str,
        dead_letter: str | None = None,
    ) -> Answer:
        """The answer to what could not be read as a request at all.

        A second call for the same `dead_letter` is the same refusal, not another one.
        """

    def has_intents(self) -> bool:
        """Whether there is something for `settle_intents`."""

    def settle_intents(self) -> None:
        """What callers at the other door had done when they were killed is recorded."""


class Watch(Protocol):
    """Listens for what lands."""

    def cover(self, name: str, folder: int) -> bool:
        """Whether it listens to the open folder, known as `name`; asked again, it changes nothing."""
