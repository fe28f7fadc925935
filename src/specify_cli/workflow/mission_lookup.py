"""Which mission a selector names: the one lookup, for every interface and with every request."""

from __future__ import annotations

import threading

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
    """Finds the missions of a project; one object may serve many threads.

    Only what has changed since the last look is read. A damaged `meta.json` gives its mission no
    names beside its folder's, so that it never stands in the way of another mission.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._known: dict[str, tuple[FileStamp | None, MissionIdentity | None]] = {}
        self._using = threading.Lock()

    def find(self, selector: str) -> str:
        """The folder name of the mission that is called so, or that alone has such an id, first
        eight characters of it, number or bare name.

        Raises:
            MissionNotFound, MissionAmbiguous: none fits, or several do.
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
                f"{selector[:80]!r} fits {len(fitting)} missions: name one by its folder",
                candidates=fitting,
            )
        if not fitting:
            from specify_cli.storage.missing_missions import mission_not_found

            raise mission_not_found(self._project, selector, known)
        return fitting[0]

    def _fitting(self, selector: str, slugs: list[str]) -> list[str]:
        if len(slugs) > MOST_MISSIONS:
            raise MissionNotFound(
                f"the project has more than {MOST_MISSIONS:,} missions: name one by its folder"
            )
        for gone in self._known.keys() - set(slugs):
            del self._known[gone]
        identities = ((slug, self._identity(slug)) for slug in slugs)
        return [slug for slug, identity in identities if identity and _has_name(identity, selector)]

    def _identity(self, slug: str) -> MissionIdentity | None:
        files = MissionFiles(self._project, slug)
        seen = _stamp(files)
        if slug not in self._known or self._known[slug][0] != seen:
            self._known[slug] = (seen, _readable_identity(files))
        return self._known[slug][1]


def _stamp(files: MissionFiles) -> FileStamp | None:
    try:
        return stamp(files.meta_path)
    except OSError:  # Whoever reads it says what is wrong.
        return None


def _readable_identity(files: MissionFiles) -> MissionIdentity | None:
    try:
        return files.identity()
    except StateUnreadable:
        return None


def _has_name(identity: MissionIdentity, selector: str) -> bool:
    names = {identity.bare_name}
    if identity.mission_id:
        names |= {identity.mission_id, identity.mission_id[:ID_PREFIX_LENGTH]}
    is_number = selector.isascii() and selector.isdigit() and len(selector) <= LONGEST_NUMBER
    return selector in names or (is_number and int(selector) == identity.number)
