"""The mission and the file of a request."""

from __future__ import annotations

from typing import NamedTuple

from specify_cli.errors import SpecKittyError

LONGEST_NAME = 200


class Lookup(NamedTuple):
    """The mission of a request: the name of its folder, or the error if there is none.

    `selector` is the name in the request, empty if it names no mission. `is_whole` is false if the
    bytes are not JSON: they may still be written. `is_batched` says whether a batch may answer the
    request.
    """

    selector: str = ""
    slug: str = ""
    refusal: SpecKittyError | None = None
    is_whole: bool = True
    is_batched: bool = False

    @property
    def queue(self) -> str:
        """The key that requests about one mission share, whether it was found or not."""
        return self.slug or self.selector[:LONGEST_NAME]


class Wait(NamedTuple):
    """A read that is not answered yet, because its caller has seen the answer already.

    Attributes:
        slug: The folder of its mission.
        seen: The `position` of the answer that its caller has seen. Reads with the same one have the same answer.
        newest: The position of the mission's newest entry when the read was tried.
        left_s: For how long it may still wait.
    """

    slug: str
    seen: str
    newest: int
    left_s: float


class Unchanged(Exception):
    """The request is a read that can wait for a change."""

    def __init__(self, wait: Wait) -> None:
        super().__init__(wait.slug)
        self.wait = wait


class RequestFile(NamedTuple):
    """The content of a request file `<stem>.json`, the lookup of its mission, and its sender.

    `can_wait` says whether a read may wait for a change, and `received_at` when the file came into the
    inbox, if it is known.
    """

    raw: bytes
    stem: str
    identity: str
    lookup: Lookup
    can_wait: bool = False
    received_at: str | None = None
