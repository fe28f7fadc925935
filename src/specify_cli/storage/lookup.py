"""What the lookup of a mission has found."""

from __future__ import annotations

from dataclasses import dataclass

from specify_cli.errors import SpecKittyError

LONGEST_NAME = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The mission that a request is about, looked up once: its folder's name, or why there is none.

    `selector` is what the request calls it; empty where it names no mission.
    """

    selector: str = ""
    slug: str = ""
    refusal: SpecKittyError | None = None

    @property
    def queue(self) -> str:
        """What the requests about one mission have in common, found or not."""
        return self.slug or self.selector[:LONGEST_NAME]
