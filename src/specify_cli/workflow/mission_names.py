"""Which mission a selector names, found with bounded work, for whoever asks with every request."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import TypeAlias

from specify_cli.errors import SpecKittyError
from specify_cli.storage.mission_files import (
    MissionFiles,
    MissionIdentity,
    all_missions,
    identity_in,
    named_mission,
)
from specify_cli.storage.project import Project
from specify_cli.storage.safe_read import NotRegular, TooLarge, read_regular
from specify_cli.workflow.opened import is_named

MAX_META_BYTES = 64 * 1024
MOST_MISSIONS = 10_000

Stamp: TypeAlias = tuple[int, int, int]
"""What tells a file that has changed from one that has not."""


class MissionNames:
    """The names of a project's missions; one object may serve many threads.

    It finds what `opened.find_mission` finds, but follows no link, never waits or raises, and reads
    only what has changed since it was asked last.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, tuple[Stamp | None, MissionIdentity | None]] = {}
        self._using = threading.Lock()

    def find(self, selector: str) -> str | None:
        """The folder name of the one mission that the selector names; None where there is none."""
        try:
            if named_mission(self._project, selector):
                return selector
            with self._using:
                fitting = self._fitting(selector)
        except (SpecKittyError, OSError, ValueError):
            return None
        return fitting[0] if len(fitting) == 1 else None

    def _fitting(self, selector: str) -> list[str]:
        slugs = all_missions(self._project)[:MOST_MISSIONS]
        for gone in self._known.keys() - set(slugs):
            del self._known[gone]
        identities = ((slug, self._identity(slug)) for slug in slugs)
        return [slug for slug, identity in identities if identity and is_named(identity, selector)]

    def _identity(self, slug: str) -> MissionIdentity | None:
        path = MissionFiles(self._project, slug).folder / "meta.json"
        stamp = _stamp(path)
        if slug not in self._known or self._known[slug][0] != stamp:
            self._known[slug] = (stamp, _read_identity(slug, path))
        return self._known[slug][1]


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def _read_identity(slug: str, path: Path) -> MissionIdentity | None:
    try:
        return identity_in(_read_meta(path), slug=slug, path=path)
    except (SpecKittyError, NotRegular, TooLarge, TypeError, ValueError, RecursionError):
        return None


def _read_meta(path: Path) -> dict[str, object]:
    try:
        content = json.loads(read_regular(path, max_bytes=MAX_META_BYTES).decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    if not isinstance(content, dict):
        raise TypeError(f"{path} is no JSON object")
    return content
