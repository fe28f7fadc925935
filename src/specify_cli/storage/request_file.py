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


class RequestFile(NamedTuple):
    """The content of a request file `<stem>.json`, the lookup of its mission, and its sender."""

    raw: bytes
    stem: str
    identity: str
    lookup: Lookup
