"""What a request is about: the mission that the lookup has found, and the file that it came in."""

from __future__ import annotations

from typing import NamedTuple

from specify_cli.errors import SpecKittyError

LONGEST_NAME = 200


class Lookup(NamedTuple):
    """The mission that a request is about, looked up once: its folder's name, or why there is none.

    `selector` is what the request calls it; empty where it names no mission. Not `is_whole` where its bytes are no JSON:
    they may still be written. `is_batched`: the request may be answered in a batch.
    """

    selector: str = ""
    slug: str = ""
    refusal: SpecKittyError | None = None
    is_whole: bool = True
    is_batched: bool = False

    @property
    def queue(self) -> str:
        """What the requests about one mission have in common, found or not."""
        return self.slug or self.selector[:LONGEST_NAME]


class RequestFile(NamedTuple):
    """What a request file `<stem>.json` held; `mission` is what it is about, and `identity` whose it is."""

    raw: bytes
    stem: str
    identity: str
    mission: Lookup
