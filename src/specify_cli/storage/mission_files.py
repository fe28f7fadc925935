"""The folder of one mission: its identity, work packages and execution lanes."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from specify_cli import batch, clock
from specify_cli.core.lane_plan import ExecutionLane
from specify_cli.errors import StorageFailed
from specify_cli.files.atomic import publish
from specify_cli.files.stamps import FileStamp, stamp
from specify_cli.storage import project_files
from specify_cli.storage.log_file import FILE_NAME
from specify_cli.storage.mission_identity import (
    MissionIdentity,
    damaged,
    identity_in,
    is_plain_name,
    read_json,
)
from specify_cli.storage.project import Project
from specify_cli.storage.recorded_log import RecordedLog
from specify_cli.storage.remembered_log import RememberedLog

MAX_META_BYTES = 1024 * 1024
"""The largest `meta.json`; a lookup may read the file of every mission."""
_SMALL: Final = 64 * 1024
"""Size in bytes up to which a batch may read a file."""
_identities: Final[dict[Path, tuple[FileStamp, MissionIdentity]]] = {}
"""The identity read from each `meta.json`, valid while its stamp is the same."""
_HOST_FILES: Final = frozenset({FILE_NAME, "lanes.json"})


class LanesFile(NamedTuple):
    """The content of `lanes.json`."""

    mission_slug: str
    mission_branch: str
    target_branch: str
    lanes: tuple[ExecutionLane, ...]


class MissionFiles(NamedTuple):
    """The files of one mission, and the content of the small ones."""

    project: Project
    slug: str

    @property
    def folder(self) -> Path:
        """The mission's folder."""
        return self.project.mission(self.slug)

    @property
    def meta_path(self) -> Path:
        """The file with the mission's identity."""
        return self.project.mission_file(self.slug, "meta.json")

    @property
    def lanes_path(self) -> Path:
        """The file with the plan of execution lanes."""
        return self.project.mission_file(self.slug, "lanes.json")

    @property
    def lock(self) -> Path:
        """The lock that every change of the mission holds."""
        return self.project.lock(f"mission-{self.slug}")

    @property
    def log(self) -> RecordedLog:
        """The mission's event log."""
        return RememberedLog(project=self.project, slug=self.slug, id_of=self._id_in)

    def identity(self) -> MissionIdentity:
        """Return the identity from `meta.json`, with defaults from the folder's name.

        Raises:
            StateUnreadable: the file is damaged.
        """
        path = self.meta_path
        inside = self.project.missions, self.folder
        seen = _stamp(path, inside=inside)
        known = _identities.get(path)
        if known is not None and seen is not None and known[0] == seen:
            return known[1]
        meta = read_json(path, below=self.project.root, max_bytes=MAX_META_BYTES)
        identity = identity_in(meta, slug=self.slug, path=path)
        if seen is not None and seen.is_settled and seen == _stamp(path, inside=inside):
            _identities[path] = seen, identity
        return identity

    def _id_in(self, folder: str) -> str | None:
        return MissionFiles(self.project, folder).identity().mission_id

    def lanes(self) -> LanesFile | None:
        """Return the plan of execution lanes in the file; None if there is none.

        Raises:
            StateUnreadable: the file is damaged.
        """
        self._require_time_for(self.lanes_path)
        content = read_json(self.lanes_path, below=self.project.root)
        if not content:
            return None
        try:
            return LanesFile(
                mission_slug=self.slug,  # The folder's name counts, not that in the file.
                mission_branch=content["mission_branch"],
                target_branch=content["target_branch"],
                lanes=tuple(execution_lane(lane) for lane in content["lanes"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(
                self.lanes_path, 1, f"{error} is missing or has the wrong type"
            ) from error

    def _require_time_for(self, path: Path) -> None:
        """Check that the file is small if this is a batch."""
        seen = _stamp(path, inside=(self.project.missions, self.folder))
        if seen is not None and seen.size > _SMALL:
            batch.require_none()

    def write_lanes(self, content: LanesFile, *, anew: bool = False) -> None:
        """Write `content` to `lanes.json`; unless `anew`, keep fields that other programs added.

        Raises:
            StateUnreadable: the present file is damaged.
            StorageFailed: the disk fails.
        """
        data = self.lanes_content(content, anew=anew)
        publish(self.lanes_path, data, below=self.project.root, sweeps=True)

    def lanes_content(self, content: LanesFile, *, anew: bool = False) -> bytes:
        """Return what `write_lanes` writes.

        Raises:
            StateUnreadable: the present file is damaged.
        """
        before = {} if anew else read_json(self.lanes_path, below=self.project.root)
        record = before | {"version": 1, "computed_at": clock.timestamp()} | content._asdict()
        record["lanes"] = [_kept(before, it.lane_id) | it._asdict() for it in content.lanes]
        return (json.dumps(record, indent=2) + "\n").encode()


def all_missions(project: Project) -> list[str]:
    """Return the slugs of the project's missions, sorted.

    Raises:
        StateUnreadable: the folder of missions is a link.
        StorageFailed: the disk fails.
    """
    try:
        names = project_files.names_in(project.missions, below=project.root)
        found = [
            name for name in names if is_plain_name(name) and _is_mission(project.missions / name)
        ]
    except OSError as error:
        message = f"cannot list {project.missions}: {error.strerror}; check its permissions"
        raise StorageFailed(message) from error
    return found


def named_mission(project: Project, name: str) -> MissionFiles | None:
    """Return the mission whose folder has exactly that name; None if there is none.

    Raises:
        StateUnreadable: the folder of missions is a link.
    """
    if project.missions.is_symlink():
        raise project_files.not_followed(project.missions, "is a symbolic link")
    if not is_plain_name(name) or not _is_mission(project.mission(name)):
        return None
    return MissionFiles(project, name)


def _stamp(path: Path, *, inside: tuple[Path, Path]) -> FileStamp | None:
    """Return the stamp of the file; None if it is missing, behind a link or cannot be read."""
    try:
        is_plain = not any(it.is_symlink() for it in inside)
        return stamp(path) if is_plain else None
    except OSError:
        return None


def _is_mission(folder: Path) -> bool:
    try:
        is_folder = stat.S_ISDIR(os.lstat(folder).st_mode)
        return is_folder and not _is_left_behind(folder)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _is_left_behind(folder: Path) -> bool:
    """Whether only files of the host remain of a mission: git does not track them."""
    if os.path.lexists(f"{folder}/meta.json"):
        return False
    try:
        names = {name for name in os.listdir(folder) if name[:1] != "."}
    except PermissionError:  # Reading the folder reports the error.
        return False
    return bool(names) and names <= _HOST_FILES


def _kept(before: Mapping[str, Any], lane_id: str) -> dict[str, Any]:
    lanes = before.get("lanes")
    known = [lane for lane in lanes if isinstance(lane, dict)] if isinstance(lanes, list) else []
    return next((lane for lane in known if lane.get("lane_id") == lane_id), {})


def execution_lane(record: Mapping[str, Any]) -> ExecutionLane:
    """Return an execution lane from its entry in `lanes.json`.

    Raises:
        KeyError, TypeError, ValueError: a field is missing or has a wrong value.
    """

    def texts(name: str) -> tuple[str, ...]:
        values: Sequence[Any] = record.get(name) or ()
        return tuple(str(value) for value in values)

    lane_id = str(record["lane_id"])
    if not is_plain_name(lane_id):  # It becomes part of a path.
        raise ValueError(f"lane_id {lane_id[:80]!r}")
    return ExecutionLane(
        lane_id=lane_id,
        wp_ids=texts("wp_ids"),
        write_scope=texts("write_scope"),
        depends_on_lanes=texts("depends_on_lanes"),
        parallel_group=int(record.get("parallel_group") or 0),
    )
