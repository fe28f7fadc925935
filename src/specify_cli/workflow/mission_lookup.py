"""Find the mission that a selector names; every interface and every request uses this lookup."""

from __future__ import annotations

import threading
from contextlib import suppress

from specify_cli.errors import MissionAmbiguous, MissionNotFound, StateUnreadable
from specify_cli.files.atomic import translated
from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.storage.mission_files import MissionFiles, all_missions, named_mission
from specify_cli.storage.mission_identity import MissionIdentity
from specify_cli.storage.project import Project

ID_PREFIX_LENGTH = 8
MOST_MISSIONS = 10_000
LONGEST_NUMBER = 9


class MissionLookup:
    """Find the missions of a project; one object may serve many threads.

    Only files that changed since the last lookup are read. A mission with a damaged `meta.json` has
    no name except that of its folder, and therefore does not affect other lookups.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, tuple[FileStamp | None, MissionIdentity | None]] = {}
        self._using = threading.Lock()

    def find(self, selector: str) -> str:
        """Return the folder name of the mission that the selector names.

        The selector is a folder name, or the id, the first eight characters of the id, the number or
        the bare name of exactly one mission.

        Raises:
            MissionNotFound, MissionAmbiguous: no mission, or more than one, matches.
            StorageFailed: the folder of the missions cannot be read.
        """
        with translated(self._project.missions, "look for a mission in"):
            if named_mission(self._project, selector):
                return selector
            with self._using:
                known = all_missions(self._project)
                fitting = self._fitting(selector, known)
        if len(fitting) > 1:
            raise MissionAmbiguous(
                f"{selector[:80]!r} matches {len(fitting)} missions: use the name of a folder",
                candidates=fitting,
            )
        if not fitting:
            from specify_cli.storage.missing_missions import mission_not_found

            raise mission_not_found(self._project, selector, known)
        return fitting[0]

    def _fitting(self, selector: str, slugs: list[str]) -> list[str]:
        if len(slugs) > MOST_MISSIONS:
            raise MissionNotFound(
                f"the project has more than {MOST_MISSIONS:,} missions: use the name of a folder"
            )
        for gone in self._known.keys() - set(slugs):
            del self._known[gone]
        identities = ((slug, self._identity(slug)) for slug in slugs)
        return [slug for slug, identity in identities if identity and _has_name(identity, selector)]

    def _identity(self, slug: str) -> MissionIdentity | None:
        files = MissionFiles(self._project, slug)
        current: FileStamp | None = None
        with suppress(OSError):  # Reading the file reports the error.
            current = stamp(files.meta_path)
        if slug not in self._known or self._known[slug][0] != current:
            identity: MissionIdentity | None = None
            with suppress(StateUnreadable):
                identity = files.identity()
            self._known[slug] = (current, identity)
        return self._known[slug][1]


def _has_name(identity: MissionIdentity, selector: str) -> bool:
    names = {identity.bare_name}
    if identity.mission_id:
        names |= {identity.mission_id, identity.mission_id[:ID_PREFIX_LENGTH]}
    is_number = selector.isascii() and selector.isdigit() and len(selector) <= LONGEST_NUMBER
    return selector in names or (is_number and int(selector) == identity.number)
