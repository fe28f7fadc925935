"""The manifest of a backup: what it was made of, and every file in it with its size and digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from specify_cli.patterns import pattern
from specify_cli.storage.record_heads import RecordHead

FORMAT: Final = 1
"""The format of the manifest."""

RECORD: Final = "record.db"
CONFIG: Final = "config.toml"
JOURNAL: Final = "journal/"
ARCHIVE: Final = "archive/"
LETTERS: Final = "dead-letters/"
MANIFEST: Final = "manifest.json"
_NAME: Final = pattern(
    r"record\.db|config\.toml|journal/journal(?:-[1-9][0-9]{0,17})?\.jsonl"
    r"|archive/journal-[1-9][0-9]{0,17}\.jsonl\.gz"
    r"|dead-letters/[0-9A-HJKMNP-TV-Z]{26}\.(?:json|settling|settled|body)"
)
_MIB: Final = 1024 * 1024
MOST_BYTES: Final = 16 * _MIB
_MOST_FILES: Final = 200_000
_MOST_OF_KIND: Final = {
    CONFIG: _MIB,
    JOURNAL: 1024 * _MIB,
    ARCHIVE: 1024 * _MIB,
    LETTERS: 64 * _MIB,
}


class Member(NamedTuple):
    """A member that the manifest announces."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """When the backup was made, of which record up to which entry, and its members in order."""

    at: str
    version: str
    head: RecordHead
    members: Sequence[Member]

    @property
    def bytes(self) -> int:
        """The bytes of all members."""
        return sum(it.size for it in self.members)

    def names(self, kind: str) -> list[str]:
        """Return the names of the members of that kind, without the kind."""
        return [it.name.removeprefix(kind) for it in self.members if it.name.startswith(kind)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was restored.

    Attributes:
        root: The project.
        manifest: The content of the backup.
        replaced: The folder with what was replaced; None if nothing was.
        has_newer_lines: Whether the published journal continues the backup, and was not changed.
        config: Where the config of the backup is, if the project has another one.
    """

    root: Path
    manifest: Manifest
    replaced: Path | None
    has_newer_lines: bool
    config: Path | None


def most_bytes(name: str) -> int | None:
    """Return the most bytes that a member of this name may have; None for the record."""
    return next((most for kind, most in _MOST_OF_KIND.items() if name.startswith(kind)), None)


def text_of(manifest: Manifest) -> bytes:
    """Return the manifest as it stands in the file."""
    content = {
        "format": FORMAT,
        "at": manifest.at,
        "version": manifest.version,
        "head": str(manifest.head),
        "files": [{"name": n, "bytes": size, "sha256": d} for n, size, d in manifest.members],
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def parsed(text: bytes) -> Manifest:
    """Read a manifest that anyone may have written.

    Raises:
        ValueError: it is damaged, or names what no backup has.
    """
    try:
        return _parsed(json.loads(text))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("its manifest is damaged") from error


def _parsed(content: Mapping[str, Any]) -> Manifest:
    if content["format"] != FORMAT:
        raise ValueError(f"it has format {content['format']!r}, and this version reads {FORMAT}")
    head = RecordHead.read(str(content["head"]))
    members = [Member(str(it["name"]), it["bytes"], str(it["sha256"])) for it in content["files"]]
    names = [it.name for it in members]
    if head is None or names[:1] != [RECORD] or len(names) > _MOST_FILES:
        raise ValueError("its manifest is damaged")
    if len(set(names)) < len(names):
        raise ValueError("its manifest names a file twice")
    for member in members:
        if not _NAME.fullmatch(member.name):
            raise ValueError(f"its manifest names {member.name[:100]!a}, which no backup has")
        most = most_bytes(member.name)
        if type(member.size) is not int or member.size < 0 or (most and member.size > most):
            raise ValueError(f"{member.name} is too large")
    return Manifest(
        at=str(content["at"])[:64], version=str(content["version"])[:64], head=head, members=members
    )
