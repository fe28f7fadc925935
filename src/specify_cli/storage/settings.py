"""What an operator can set for the host of one project."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

OwnedFilesRule: TypeAlias = Literal["warn", "refuse"]
SelfReviewRule: TypeAlias = Literal["allow", "warn", "refuse"]
ObjectsRule: TypeAlias = Literal["auto", "share", "copy"]
HooksRule: TypeAlias = Literal["copy", "none"]
IntakeRule: TypeAlias = Literal["warn", "require-sandbox"]

GIT_TIMEOUT_S: Final = 120
PUSH_TIMEOUT_S: Final = 900
INTAKE_MAX_BYTES: Final = 2 * 1024**3
INTAKE_MAX_FILES: Final = 100_000
TRASH_DAYS: Final = 14
READS_DAYS: Final = 30
READS_MAX_BYTES: Final = 256 * 1024**2
JOURNAL_DAYS: Final = 90
JOURNAL_MAX_BYTES: Final = 1024**3
LETTERS_DAYS: Final = 90

_FROM_GRANTS: Final = ("has_orchestrators", "owners")


class HostSettings(NamedTuple):
    """The settings of `.kitty/config.toml`; a setting that is not written there has its default.

    The last two follow from the grants of that file.

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

    workspace_objects: ObjectsRule = "auto"
    """Where workspaces have the objects of the project from; `shares_objects` says what that comes to."""

    hooks: HooksRule = "copy"
    """Whether the project's hooks are copied into workspaces."""

    filters: tuple[str, ...] | None = None
    """The filters of git that may run while a workspace is written; None for all that the project has."""

    intake: IntakeRule = "warn"
    """What happens to commits of a workspace where no sandbox works in which git could read it."""

    intake_max_bytes: int = INTAKE_MAX_BYTES
    """Bytes that the commits of a workspace may bring in at once."""

    intake_max_files: int = INTAKE_MAX_FILES
    """Files and folders that the commits of a workspace may change."""

    trash_days: int = TRASH_DAYS
    """Days that workspaces which were replaced or removed are kept."""

    reads_days: int = READS_DAYS
    """Days that answers of reads are kept, with their ids and replies."""

    reads_max_bytes: int = READS_MAX_BYTES
    """Bytes of the record that they may take; the oldest go."""

    journal_days: int = JOURNAL_DAYS
    """Days that an older part of the journal stays in the outbox, before it goes into the archive."""

    journal_max_bytes: int = JOURNAL_MAX_BYTES
    """Bytes of the outbox that the journal may take; its oldest parts go into the archive."""

    letters_days: int = LETTERS_DAYS
    """Days that dead letters which were replayed or discarded are remembered."""

    has_orchestrators: bool = False
    """Whether the file has `[orchestrators]`, so that there are callers which are not trusted with everything."""

    owners: Mapping[str, int] = MappingProxyType({})
    """The user of each orchestrator whose grant has a `uid`, by the orchestrator's name."""

    @property
    def written(self) -> dict[str, object]:
        """The settings by their names in the file, without what follows from its grants."""
        return {name: it for name, it in self._asdict().items() if name not in _FROM_GRANTS}

    @property
    def shares_objects(self) -> bool:
        """Whether workspaces share the objects of the project instead of having a copy."""
        if self.workspace_objects == "auto":
            return not self.has_orchestrators
        return self.workspace_objects == "share"
