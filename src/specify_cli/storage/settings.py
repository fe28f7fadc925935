"""What an operator can set for the host of one project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

OwnedFilesRule: TypeAlias = Literal["warn", "refuse"]
SelfReviewRule: TypeAlias = Literal["allow", "warn", "refuse"]

GIT_TIMEOUT_S: Final = 120
PUSH_TIMEOUT_S: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """The settings of `.kitty/config.toml`; a setting that is not written there has its default.

    Source: `contract/v1/schemas/config.json`; a test holds both together.
    """

    git_timeout_s: int = GIT_TIMEOUT_S
    """Seconds that one git process may take; a push has a deadline of its own."""

    push_timeout_s: int = PUSH_TIMEOUT_S
    """Seconds that a push may take."""

    owned_files: OwnedFilesRule = "warn"
    """What happens to a hand-in that changes files outside the package's `owned_files`."""

    self_review: SelfReviewRule = "warn"
    """What happens when who implemented a package reviews it."""

    stale_after_s: int | None = None
    """Seconds without a sign of life after which a claim is stale; None where none ever is."""
