"""The settings that an operator can change for a project's host."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

OwnedFilesRule: TypeAlias = Literal["warn", "refuse"]
SelfReviewRule: TypeAlias = Literal["allow", "warn", "refuse"]
ObjectsRule: TypeAlias = Literal["auto", "share", "copy"]
HooksRule: TypeAlias = Literal["copy", "none"]
IntakeRule: TypeAlias = Literal["warn", "require-sandbox"]


_FROM_GRANTS: Final = ("has_orchestrators", "owners")


class HostSettings(NamedTuple):
    """The settings in `.kitty/config.toml`, with their defaults.

    The last two are derived from the grants in that file.

    Source: `contract/v1/schemas/config.json`; a test compares them.
    """

    git_timeout_s: int = 120
    """The time limit in seconds of one git process, except a push."""

    push_timeout_s: int = 900
    """The time limit in seconds of a push."""

    owned_files: OwnedFilesRule = "warn"
    """The reaction to a submission that changes files outside the package's `owned_files`."""

    self_review: SelfReviewRule = "warn"
    """The reaction to a review by the implementer of the package."""

    stale_after_s: int | None = None
    """Seconds without a sign of life after which a claim is stale; None for never."""

    workspace_objects: ObjectsRule = "auto"
    """How workspaces get the objects of the project; see `shares_objects`."""

    hooks: HooksRule = "copy"
    """Whether the project's hooks are copied into workspaces."""

    filters: tuple[str, ...] | None = None
    """The git filters that may run while a workspace is written; None for all of the project."""

    intake: IntakeRule = "warn"
    """The reaction to commits of a workspace if no sandbox for git works."""

    intake_max_bytes: int = 2 * 1024**3
    """The most bytes that commits of a workspace may add at once."""

    intake_max_files: int = 100_000
    """The most files and folders that commits of a workspace may change."""

    trash_days: int = 14
    """Days for which replaced and removed workspaces are kept."""

    trash_max_count: int | None = None
    """Workspaces that the trash may have; the oldest are removed; None for no bound."""

    trash_max_bytes: int | None = None
    """Bytes on the disk that the trash may take; the oldest workspaces are removed; None for no bound."""

    reads_days: int = 30
    """Days for which answers of reads are kept, with their ids and replies."""

    reads_max_bytes: int = 256 * 1024**2
    """The most bytes of the record for answers of reads; the oldest are removed first."""

    reads_max_count: int | None = None
    """Answers to read requests that the host keeps; the oldest are deleted; None for no bound."""

    replies_days: int | None = None
    """Days for which the replies to other requests stay in the outbox; None for no bound."""

    replies_max_count: int | None = None
    """Replies that the outboxes may have; the oldest are removed; None for no bound."""

    replies_max_bytes: int | None = None
    """Bytes that the replies in the outboxes may take; the oldest are removed; None for no bound."""

    journal_days: int = 90
    """Days for which an older part of the journal stays in the outbox before it is archived."""

    journal_max_bytes: int = 16 * 1024**2
    """The most bytes of the journal in the outbox; its oldest parts are archived first."""

    archive_days: int | None = None
    """Days for which a part of the journal is kept in the archive; None for no bound."""

    archive_max_bytes: int | None = None
    """Bytes that the archive may take; its oldest parts are removed; None for no bound."""

    letters_days: int = 90
    """Days for which the records of resolved dead letters are kept."""

    letters_max_count: int | None = None
    """Records of resolved dead letters that are kept; the oldest are removed; None for no bound."""

    has_orchestrators: bool = False
    """Whether the file has `[orchestrators]`, so that some callers have limited trust."""

    owners: Mapping[str, int] = MappingProxyType({})
    """The user id in each orchestrator's grant, by the orchestrator's name."""

    @property
    def written(self) -> dict[str, object]:
        """The settings by their names in the file, without the derived ones."""
        return {name: it for name, it in self._asdict().items() if name not in _FROM_GRANTS}

    @property
    def shares_objects(self) -> bool:
        """Whether workspaces share the objects of the project instead of copying them."""
        if self.workspace_objects == "auto":
            return not self.has_orchestrators
        return self.workspace_objects == "share"
